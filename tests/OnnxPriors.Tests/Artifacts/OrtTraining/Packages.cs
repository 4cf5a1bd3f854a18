using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Artifacts.OrtTraining;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;
using OnnxPriors.Testing;

namespace OnnxPriors.Tests.Artifacts.OrtTraining;

/// <summary>Packages of the demo's model with a learned prior of random numbers, and what tests need of them.</summary>
internal static class Packages
{
    public const int Classes = 3;
    public const int Rank = 3;

    public static BakeReport Bake(string folder, BakeOptions? options = null, string optimizer = "adamw", PriorKind kind = PriorKind.Learned, string train = "all")
    {
        var imported = ModelImporter.Import(Demo(), new() { Form = ImportForm.NewHead, Classes = Classes, Train = train });
        var prior = Path.Combine(Path.GetDirectoryName(folder)!, "prior.safetensors");
        if (kind == PriorKind.Learned)
            PosteriorFile.Write(prior, PosteriorOf(ModelImporter.Import(Demo(), new() { Form = ImportForm.OwnHead })));
        options ??= new BakeOptions { Prior = null!, Optimizer = null!, SourceFileName = "", Targets = BakeTargets.Both };
        return StepBaker.Bake(imported, options with
        {
            Prior = new() { Kind = kind, Path = kind == PriorKind.Learned ? prior : null, Rescaling = new() { Epsilon = kind == PriorKind.Learned ? 1e-3 : 0 } },
            Optimizer = Optimizer.Find(optimizer)!,
            SourceFileName = "demo-digits.onnx",
        }, folder);
    }

    public static Model Demo() => OnnxFile.Load(Path.Combine(SharedFiles.Checkout, "models", "demo-digits.onnx"));

    public static float[] Floats(string folder, string file) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, file))).ToArray();

    /// <summary>A model's feeds: random pictures, labels, and every checkpoint tensor, the parameters moved by up to a given distance.</summary>
    public static Dictionary<string, TensorData> Feeds(string folder, Graph graph, double distance, float priorWeight)
    {
        var checkpoint = TrainingCheckpointFile.Read(Path.Combine(folder, OrtTrainingFiles.Checkpoint));
        var random = new Random(11);
        var feeds = checkpoint.Trainable.ToDictionary(t => t.Name, t => TensorData.Of([.. t.ToSingles().Select(v => v + (float)((random.NextDouble() - 0.5) * distance))], t.Dimensions));
        foreach (var frozen in checkpoint.Frozen)
            feeds[frozen.Name] = TensorData.Of(frozen.ToSingles(), frozen.Dimensions);
        feeds[graph.Inputs[0].Name] = Engines.OnnxRuntime.Normal(graph.Inputs[0].Shape!, 3, batch: 6);
        feeds["labels"] = TensorData.Vector(0, 1, 2, 2, 1, 0);
        feeds[TrainingModel.PriorWeight] = TensorData.Of([priorWeight], []);
        return feeds;
    }

    /// <summary>A training model with its gradients as outputs in place of the accumulators, which only the training runtime has.</summary>
    public static Model Plain(Model training)
    {
        var accumulators = training.Graph.Nodes.Where(n => n.Op == "InPlaceAccumulatorV2").ToList();
        var used = training.Graph.Inputs.Where(i => !i.Name.EndsWith(".accumulation.buffer", StringComparison.Ordinal) && i.Name != "lazy_reset_grad");
        var graph = new Graph("plain", [.. used], [.. training.Graph.Outputs.Take(2), .. accumulators.Select(n => n.Input(1))], [.. training.Graph.Nodes.Except(accumulators)]);
        return training with { Graph = graph };
    }

    private static Posterior PosteriorOf(ImportedModel source)
    {
        var random = new Random(2);
        float[] Draw(long count, double scale) => [.. Enumerable.Range(0, (int)count).Select(_ => (float)((random.NextDouble() - 0.5) * scale))];
        return new Posterior(
            new PosteriorMetadata { Method = "swag", Rank = Rank, Samples = 9, SourceSha256 = source.Source.Sha256 },
            [.. source.Trainable.Select(t => new PosteriorTensor(t.Name, [.. t.Tensor.Data!.Dimensions], t.Tensor.Data.ToSingle(), [.. Draw(t.Count, 0.02).Select(Math.Abs)], Draw(Rank * t.Count, 0.1)))]);
    }
}
