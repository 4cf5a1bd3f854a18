using OnnxPriors.Cli.Commands.Devices;
using OnnxPriors.Cli.Commands.Models;
using OnnxPriors.Cli.Commands.Priors;
using OnnxPriors.Cli.Commands.Results;
using OnnxPriors.Cli.Commands.Steps;

namespace OnnxPriors.Cli.Commands;

/// <summary>The verbs there are, in the order of the help.</summary>
internal static class Verbs
{
    /// <summary>The verbs of one word.</summary>
    public static IReadOnlyList<IVerb> All { get; } =
    [
        new InspectVerb(),
        new OperatorsVerb(),
        new ImportVerb(),
        new VerifyVerb(),
        new ConformanceVerb(),
        new RunVerb(),
        new GradientsVerb(),
        new FitVerb(),
        new BakeVerb(),
        new TrainVerb(),
        new ReplayVerb(),
        new BenchmarkVerb(),
        new EvaluateVerb(),
        new ExportVerb(),
        new ExperimentVerb(),
        new ReportVerb(),
        new DemoVerb(),
    ];

    /// <summary>The verbs of two words.</summary>
    public static IReadOnlyList<VerbGroup> Groups { get; } =
    [
        new("checkpoint", "Reads back what a device trained with the ORT Training API.", [new CheckpointInfoVerb(), new CheckpointExportVerb(), new CheckpointResumeVerb()]),
        new("prior", "Looks into a prior file, draws weights from it, rescales or merges it, or exchanges it with PyTorch.",
            [new PriorInfoVerb(), new PriorSampleVerb(), new PriorRescaleVerb(), new PriorMergeVerb(), new PriorImportVerb(), new PriorExportVerb()]),
    ];
}
