using System.Globalization;
using OnnxPriors.Cli.Reports;
using OnnxPriors.Cli.Trials;
using OnnxPriors.Onnx;
using OnnxPriors.Runtime.Evaluation;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Cli.Demo;

/// <summary>The demo's results as its HTML report shows them.</summary>
/// <param name="plan">What was done.</param>
/// <param name="model">The pretrained model.</param>
/// <param name="fit">What the fit came to.</param>
/// <param name="exported">The exported model.</param>
/// <param name="elapsed">The time up to here.</param>
/// <param name="threads">The threads that trained.</param>
internal sealed class DemoPage(DemoPlan plan, Model model, SourceFit fit, ExportedModel exported, TimeSpan elapsed, int threads)
{
    /// <summary>Puts the page together.</summary>
    /// <param name="ways">Each way with its chosen runs and their test results, one a seed.</param>
    /// <param name="conclusions">What came out.</param>
    public DemoReport Of(IReadOnlyList<(Way Way, List<Trial> Chosen, IReadOnlyList<EvaluationResult> Tested)> ways, IReadOnlyList<string> conclusions) => new()
    {
        Title = "Five ways of using a source task",
        Summary = $"A small network pretrained on printed digits learns handwritten digits under five new labels from {plan.TrainPerLabel} examples a label. "
            + "The ways differ in what they take from the source.",
        Conclusions = conclusions,
        Ways = [.. ways.Select(one => new WayReport
        {
            Name = one.Way.Name,
            Title = one.Way.Title,
            Description = one.Way.Description,
            Seeds = [.. one.Chosen.Zip(one.Tested, Seed)],
            Reliability = WayReport.Pool([.. one.Tested.Select(result => result.Bins)]),
        })],
        Facts = Facts(ways[0].Chosen[0].Seed, ways[0].Tested[0].Examples),
        CurvesMeasuredOn = "the validation examples",
    };

    private static SeedReport Seed(Trial trial, EvaluationResult tested) => new()
    {
        Seed = trial.Seed.Seed,
        Accuracy = tested.Accuracy,
        Nll = tested.Nll,
        Ece = tested.Ece,
        Curve = [.. trial.Epochs.Select(epoch => new CurvePoint(epoch.Epoch, epoch.Validation!.Accuracy!.Value, epoch.Validation.Nll))],
        Chosen = trial.Setting.Facts(),
    };

    private List<ReportFact> Facts(SeedData seed, int test) =>
    [
        new("Model", Text($"{DemoAssets.ModelName}, {fit.Parameters} weights, pretrained in PyTorch; SHA-256 {model.Sha256[..16]}…")),
        new("Source", Text($"printed digits, ten classes; accuracy on its validation data {fit.OwnAccuracy:P1} as it came and {fit.FittedAccuracy:P1} at the fitted mean")),
        new("Posterior", Text($"SWAG: {plan.Fit.Steps} steps of {plan.FitBatch} examples, learning rate {plan.Fit.LearningRate}, rank {plan.Fit.Rank}, batch statistics")),
        new("Downstream", Text($"handwritten digits (Alpaydin and Kaynak, 1998, CC BY 4.0) labelled by digit mod 5; {seed.Training.ExampleCount} examples train, {seed.Validation.ExampleCount} validate, {test} test; the first two are drawn anew for each seed")),
        new("Training", Text($"{plan.Epochs} epochs in batches of {plan.Batch}, Nesterov momentum {plan.Momentum}, cosine schedule, data gradient clipped at {plan.ClipNorm}, BatchNormalization frozen, last state; head prior N(0, {plan.HeadVariance})")),
        new("Settings tried", string.Join("; ", plan.Ways.Select(way => $"{way.Name}: {way.Settings.Count}"))),
        new("Exported", Text($"{Path.GetFileName(exported.Path)}: {exported.Way}, seed {exported.Seed}, the way that did best on validation data; its probabilities differ from the run's by at most {exported.MaxAbsDifference:0.0e+0}")),
        new("Versions", Text($"onnxpriors {typeof(DemoPage).Assembly.GetName().Version?.ToString(3)}, ONNX Runtime {StepSession.RuntimeVersion}, .NET {Environment.Version}")),
        new("Time", Text($"{elapsed.TotalSeconds:F0} s, {threads} runs side by side")),
    ];

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
