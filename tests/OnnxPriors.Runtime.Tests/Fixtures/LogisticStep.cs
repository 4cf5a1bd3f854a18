using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;
using OnnxPriors.Priors;

namespace OnnxPriors.Runtime.Tests.Fixtures;

/// <summary>
/// Writes a step folder of multinomial logistic regression, logits = xw + b, whose gradient is derived by hand:
/// ∂/∂w = xᵀ(p − y)/n, ∂/∂b = Σ(p − y)/n. The update model is the real one.
/// </summary>
internal sealed record LogisticStep
{
    public const int Features = 5, Classes = 3;

    public Optimizer Optimizer { get; init; } = new Sgd();

    /// <summary>K, 0 for a diagonal prior, null for none.</summary>
    public int? PriorRank { get; init; }

    /// <summary>How the update takes the prior; with the proximal step the numbers are those of D and W.</summary>
    public PriorStep PriorStep { get; init; }

    /// <summary>Whether the model also keeps a running mean of its input, which eval subtracts.</summary>
    public bool HasRunningMean { get; init; }

    /// <summary>Whether a frozen layer, tanh(xF), comes first.</summary>
    public bool HasFrozenLayer { get; init; }

    public double StartScale { get; init; } = 0.1;

    public static StateLayout Layout => StateLayout.Of([("w", [Features, Classes]), ("b", [Classes])]);

    public Manifest Write(string folder)
    {
        Directory.CreateDirectory(folder);
        var layout = Layout;
        OnnxFile.Save(GradientSession(), Path.Combine(folder, StepFiles.Gradient));
        OnnxFile.Save(EvalSession(), Path.Combine(folder, StepFiles.Eval));
        OnnxFile.Save(UpdateModel.Build(Optimizer, PriorRank, PriorStep), Path.Combine(folder, StepFiles.Update));
        WriteFloats(Path.Combine(folder, StepFiles.Parameters), Flat(layout, new Random(1), StartScale));
        var files = new List<string> { StepFiles.Gradient, StepFiles.Eval, StepFiles.Update, StepFiles.Parameters };
        if (PriorRank is { } rank)
        {
            var random = new Random(2);
            var mean = Flat(layout, random, 0.3);
            var precision = Array.ConvertAll(Flat(layout, random, 1), value => value == 0 ? 0 : 5 + value);
            var factor = Enumerable.Range(0, rank).SelectMany(_ => Flat(layout, random, 0.5));
            WriteFloats(Path.Combine(folder, StepFiles.Prior), [.. mean, .. precision, .. factor]);
            files.Add(StepFiles.Prior);
        }
        if (HasRunningMean)
        {
            WriteFloats(Path.Combine(folder, StepFiles.Buffers), new float[StateLayout.Alignment]);
            files.Add(StepFiles.Buffers);
        }
        var manifest = new Manifest
        {
            Producer = "test",
            Opset = GraphBuilder.CanonicalOpset,
            IrVersion = 8,
            Classes = Classes,
            Inputs = [new ManifestInput("x", "float", ["batch", "5"])],
            Parameters = [.. layout.Entries.Select(e => new ManifestParameter(e.Name, e.Shape, e.Offset, e.Count, "head", e.Name + ".gradient"))],
            StateLength = layout.Length,
            Buffers = HasRunningMean ? [new ManifestBuffer("mean", [Features], 0, Features, "mean.next")] : [],
            BufferLength = HasRunningMean ? StateLayout.Alignment : 0,
            Prior = new ManifestPrior { Kind = PriorRank is null ? "none" : "learned", Rank = PriorRank ?? 0, Step = PriorStep == PriorStep.Proximal ? "proximal" : null },
            Optimizer = new ManifestOptimizer { Name = Optimizer.Name, Nesterov = Optimizer is Sgd { Nesterov: true }, States = Optimizer.States, Scalars = Optimizer.Scalars },
            Preprocessing = new Dictionary<string, string> { ["onnxpriors.classes"] = """["a","b","c"]""" },
            Source = new ManifestSource("logistic.onnx", new string('0', 64)),
            Files = [.. files.Select(name => ManifestFile.Describe(folder, name))],
        };
        ManifestFile.Write(folder, manifest);
        return manifest;
    }

    private Model GradientSession()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), Features]);
        var labels = b.Input("labels", ElementType.Int64, [Dimension.Symbolic("batch")]);
        var count = b.Input("label_count", ElementType.Float, Shape.Scalar);
        x = Frozen(b, x);
        var w = b.Input("w", ElementType.Float, [Features, Classes]);
        var bias = b.Input("b", ElementType.Float, [Classes]);
        var mean = HasRunningMean ? b.Input("mean", ElementType.Float, [Features]) : null;
        var logits = b.MatMul(x, w) + bias;
        var target = b.OneHot(labels, b.Ints(Classes), b.Constant(TensorData.Of([0f, 1f], 2)));
        var loss = -b.SumAll(target * b.LogSoftmax(logits)) / count;
        var error = (b.Softmax(logits) - target) / count;
        var outputs = new List<(string, Value)>
        {
            ("loss", loss), ("logits", logits),
            ("w.gradient", b.MatMul(b.Transpose(x, 1, 0), error)), ("b.gradient", b.ReduceSum(error, [0], keep: false)),
        };
        if (mean is not null)
            outputs.Add(("mean.next", mean * 0.9 + b.ReduceMean(x, [0], keep: false) * 0.1));
        return Model.Canonical(b.Build(outputs));
    }

    private Model EvalSession()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), Features]);
        x = Frozen(b, x);
        var w = b.Input("w", ElementType.Float, [Features, Classes]);
        var bias = b.Input("b", ElementType.Float, [Classes]);
        var centred = HasRunningMean ? x - b.Input("mean", ElementType.Float, [Features]) : x;
        var scores = b.Emit("MatMul", [centred, w], nodeName: "head")[0];
        return Model.Canonical(b.Build([("logits", scores + bias)]));
    }

    private Value Frozen(GraphBuilder b, Value x)
    {
        if (!HasFrozenLayer)
            return x;
        var random = new Random(7);
        var kernel = b.Parameter("frozen", TensorData.Of([.. Enumerable.Range(0, Features * Features).Select(_ => (float)random.NextDouble())], Features, Features));
        return b.Tanh(b.MatMul(x, kernel));
    }

    private static float[] Flat(StateLayout layout, Random random, double scale)
    {
        var values = new float[layout.Length];
        foreach (var entry in layout.Entries)
            for (var i = 0; i < entry.Count; i++)
                values[entry.Offset + i] = (float)(scale * ((random.NextDouble() * 2) - 1));
        return values;
    }

    private static void WriteFloats(string path, float[] values) => File.WriteAllBytes(path, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}
