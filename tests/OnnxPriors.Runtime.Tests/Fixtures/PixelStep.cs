using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Tests.Fixtures;

/// <summary>A small segmentation step, baked as the tool bakes it, and pictures for it: patches of three kinds, some of whose pixels do not count.</summary>
internal sealed class PixelStep : IBatchSource
{
    public const int Classes = 3, Side = 8;
    public const long Ignored = 255;

    private readonly int seed;

    public PixelStep(int examples, int batch, int seed = 0) => (ExampleCount, BatchSize, this.seed) = (examples, batch, seed);

    public int ExampleCount { get; }

    public int BatchSize { get; }

    public string Fingerprint => $"pixels {seed}";

    public static Manifest Bake(string folder, Optimizer optimizer, IReadOnlyList<double>? weights = null)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 2, Side, Side]);
        var window = Attributes.None.With("kernel_shape", (long[])[3, 3]).With("pads", (long[])[1, 1, 1, 1]);
        var maps = b.Relu(b.Conv(x, b.Parameter("w1", Draw(1, 6, 2, 3, 3)), b.Parameter("b1", Draw(2, 6)), window));
        var scores = b.Flatten(b.GlobalAveragePool(b.Conv(maps, b.Parameter("w2", Draw(3, 4, 6, 1, 1)), null, Attributes.None.With("kernel_shape", (long[])[1, 1]))));
        var model = ModelImporter.Import(Model.Canonical(b.Build([("scores", scores)])), new ImportOptions { Form = ImportForm.NewHead, Classes = Classes, Head = HeadForm.Fcn });
        return StepBaker.Bake(model, new BakeOptions
        {
            Prior = new PriorChoice { Kind = PriorKind.Zero },
            Optimizer = optimizer,
            Task = new TaskChoice { Name = "segmentation", IgnoreIndex = Ignored, ClassWeights = weights },
            SourceFileName = "pixels.onnx",
        }, folder).Manifest;
    }

    public IEnumerable<Batch> Read(int epoch, int firstBatch, CancellationToken cancellation)
    {
        for (var batch = firstBatch; batch < this.BatchCount(); batch++)
        {
            var count = Math.Min(BatchSize, ExampleCount - batch * BatchSize);
            var pictures = Enumerable.Range(batch * BatchSize, count).Select(Example).ToArray();
            yield return new Batch(
                [BatchInput.Of(null, pictures.SelectMany(p => p.Picture).ToArray().AsMemory(), count, 2, Side, Side)],
                BatchTargets.Pixels(pictures.SelectMany(p => p.Labels).ToArray(), count, Side, Side));
        }
    }

    /// <summary>A picture whose rows change class at two places; every picture leaves another share of its pixels out.</summary>
    public (float[] Picture, long[] Labels) Example(int index)
    {
        var random = new Random(seed * 1000 + index);
        var (first, second) = (random.Next(1, 4), random.Next(4, 7));
        var (picture, labels) = (new float[2 * Side * Side], new long[Side * Side]);
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = i / Side < first ? 0 : i / Side < second ? 1 : 2;
            picture[i] = (float)(labels[i] == 1 ? 1 : -1 + random.NextDouble() * 0.2);
            picture[Side * Side + i] = (float)(labels[i] == 2 ? 1 : -1 + random.NextDouble() * 0.2);
            if (random.Next(8) < index % 4)
                labels[i] = Ignored;
        }
        return (picture, labels);
    }

    private static TensorData Draw(int seed, params long[] shape)
    {
        var random = new Random(seed);
        return TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(random.NextDouble() - 0.5))], [.. shape]);
    }
}
