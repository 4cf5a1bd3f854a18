using OnnxPriors.Cli.Reports;
using OnnxPriors.Runtime.Evaluation;

namespace OnnxPriors.Cli.Tests.Reports;

/// <summary>A report with five ways and five seeds, all values from closed forms.</summary>
internal static class SampleReport
{
    private static readonly (string Name, string Title, string Description, double Accuracy, double Nll)[] Ways =
    [
        ("linear-probe", "Linear probe", "The features stay as they are; only the new head learns.", 0.894, 0.345),
        ("none", "Fine-tuning without prior", "All weights learn from the pretrained ones, nothing holds them.", 0.873, 0.500),
        ("zero", "Zero-mean prior", "An isotropic prior at 0, which is weight decay.", 0.879, 0.410),
        ("isotropic", "Isotropic prior at the pretrained weights", "One variance for all weights around the source's solution.", 0.906, 0.281),
        ("learned", "Learned prior", "The source task's posterior, diagonal and low rank, rescaled.", 0.912, 0.276),
    ];

    public static DemoReport Whole() => new()
    {
        Title = "Five ways of using a source task",
        Summary = "A network pretrained on printed digits learns five labels of handwritten digits from 10 examples a label.",
        Conclusions =
        [
            "Priors centred on the source beat the zero-mean prior: 91.2 % and 90.6 % against 87.9 %.",
            "The learned covariance and the isotropic one are within one standard deviation of each other.",
        ],
        Ways = [.. Ways.Select((way, index) => Way(way.Name, way.Title, way.Description, way.Accuracy, way.Nll, index))],
        Facts = [new("Model", "demo-digits.onnx, 27,290 parameters"), new("Training examples", "10 a label"), new("Time", "131 s")],
    };

    public static WayReport Way(string name, string title, string description, double accuracy, double nll, int phase) => new()
    {
        Name = name,
        Title = title,
        Description = description,
        Seeds = [.. Enumerable.Range(0, 5).Select(seed => Seed(seed, accuracy, nll, phase))],
        Reliability = Bins(phase),
    };

    public static WayReport Plain(string name, params (double Accuracy, double Nll, double Ece)[] scores) => new()
    {
        Name = name,
        Title = name,
        Seeds = [.. scores.Select((score, seed) => new SeedReport { Seed = seed, Accuracy = score.Accuracy, Nll = score.Nll, Ece = score.Ece })],
    };

    public static DemoReport Of(params WayReport[] ways) => new() { Title = "T", Summary = "S", Conclusions = ["C"], Ways = ways };

    private static SeedReport Seed(int seed, double accuracy, double nll, int phase)
    {
        var shift = 0.02 * Math.Sin((2.1 * seed) + phase);
        return new SeedReport
        {
            Seed = seed,
            Accuracy = accuracy + shift,
            Nll = nll - (2 * shift),
            Ece = 0.03 + (0.2 * Math.Abs(shift)),
            Curve = [.. Enumerable.Range(0, 21).Select(epoch => new CurvePoint(
                epoch,
                0.2 + ((accuracy + shift - 0.2) * (1 - Math.Exp(-epoch / (2.0 + (0.4 * phase))))),
                (1.6 * Math.Exp(-epoch / (2.0 + (0.4 * phase)))) + nll - shift))],
            Chosen = [new("learning rate", seed % 2 == 0 ? "0.03" : "0.01"), new("λ", "1000")],
        };
    }

    private static List<ReliabilityBin> Bins(int phase)
    {
        var bins = new List<ReliabilityBin>();
        for (var index = 0; index < 15; index++)
        {
            var (low, high) = (index / 15.0, (index + 1) / 15.0);
            var count = index < 3 ? 0 : (int)(40 * Math.Exp((index - 3) / 2.8));
            var confidence = (low + high) / 2;
            bins.Add(new ReliabilityBin(low, high, count, count == 0 ? 0 : confidence, count == 0 ? 0 : Math.Clamp(confidence + (0.12 * Math.Sin(index + phase)) - 0.03, 0, 1)));
        }
        return bins;
    }
}
