using OnnxPriors.Cli.Verification;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Randomness;

namespace OnnxPriors.Cli.Benchmarking;

/// <summary>The model of a benchmark as every contender trains it: all of it, with a fresh head of as many classes as its own.</summary>
/// <param name="Imported">The model.</param>
/// <param name="Options">How it was imported.</param>
internal sealed record BenchmarkModel(ImportedModel Imported, ImportOptions Options)
{
    // What an open height, width or length becomes where nobody says.
    private const long OpenSize = 224;

    /// <summary>Imports a file.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="options">What of its inputs is fixed.</param>
    public static BenchmarkModel Load(string path, ImportOptions options)
    {
        var source = OnnxFile.Load(path);
        var own = ModelImporter.Import(source, options with { Form = ImportForm.OwnHead });
        var classes = Math.Max(2, own.Classes ?? throw new BenchmarkException($"'{path}' has no class scores to train on."));
        var chosen = options with { Form = ImportForm.NewHead, Classes = classes };
        return new(ModelImporter.Import(source, chosen), chosen);
    }

    /// <summary>Random inputs and labels.</summary>
    /// <param name="batch">Examples.</param>
    /// <param name="seed">What they are drawn from.</param>
    public (IReadOnlyDictionary<string, TensorData> Inputs, long[] Labels) Draw(int batch, ulong seed)
    {
        var inputs = new RandomInputs(Imported.Graph, seed, batch).Make(OpenSize);
        var numbers = new float[batch];
        Philox.FillNormal(numbers, seed, step: (ulong)inputs.Count);
        return (inputs, RandomInputs.Integers(numbers, Imported.Classes!.Value));
    }
}
