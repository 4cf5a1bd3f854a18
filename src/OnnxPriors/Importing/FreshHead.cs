using System.Runtime.Intrinsics;
using OnnxPriors.Graphs;
using OnnxPriors.Randomness;

namespace OnnxPriors.Importing;

/// <summary>A new linear layer over features, with the means over places before it where the features are maps.</summary>
internal static class FreshHead
{
    // One tensor of 2 GiB.
    private const long MaxWeights = 1 << 29;

    /// <summary>
    /// Adds the head: [N, F, …] → mean over places → [N, F] → [N, C]. Weight [C, F] and bias [C] are uniform on ±1/√F, as PyTorch's
    /// Linear layer draws them.
    /// </summary>
    /// <param name="b">The builder that holds the features.</param>
    /// <param name="features">The features.</param>
    /// <param name="classes">C.</param>
    /// <param name="fewest">The least C that makes sense: 2 where the outputs are classes of which one is right.</param>
    /// <param name="seed">Seeds the weights.</param>
    public static Value Add(GraphBuilder b, Value features, int classes, int fewest, ulong seed)
    {
        if (classes < fewest)
            throw new ImportException($"A head has at least {fewest} class{(fewest > 1 ? "es" : "")}, not {classes}; give --classes {fewest} or more.");
        if (features.Shape is not { } shape || shape.Rank < 2 || shape[1].Value is not { } width || !features.Type.IsFloating())
            throw new ImportException($"The features '{features.Name}' have the shape {features.Shape?.ToString() ?? "?"}; a head needs [N, F] or [N, F, height, width] with a known F. Fix the sizes of the inputs, or name another value with --features VALUE.");
        if (shape.Rank == 3 && features.Producer is not { Op: "Conv" or "Relu" or "MaxPool" or "AveragePool" or "BatchNormalization" })
            throw new ImportException($"The features '{features.Name}' have the shape {shape}, whose axis of features is not clear; name a value of shape [N, F] with --features VALUE.");
        CheckSize(features, width, classes);
        var bound = 1 / Math.Sqrt(width);
        var weight = b.Parameter("head.weight", Uniform(bound, seed, 0, [classes, width]));
        var bias = b.Parameter("head.bias", Uniform(bound, seed, 1, [classes]));
        var flat = shape.Rank == 2 ? features
            : b.Emit("Flatten", [b.Emit("GlobalAveragePool", [features], nodeName: "head.pool")[0]], nodeName: "head.flatten")[0];
        return b.Emit("Gemm", [flat, weight, bias], Attributes.None.With("transB", 1L), nodeName: "head.linear")[0];
    }

    /// <summary>Refuses a layer of more weights than one tensor holds.</summary>
    public static void CheckSize(Value features, long width, int classes)
    {
        if (width < 1 || width > MaxWeights / classes)
            throw new ImportException($"The features '{features.Name}' have a width of {width}, too much for a head of {classes} classes; name another value with --features VALUE.");
    }

    /// <summary>Numbers uniform on (−bound, bound), a Philox block for every four: the same for a seed on every machine.</summary>
    public static TensorData Uniform(double bound, ulong seed, uint stream, long[] dimensions)
    {
        var values = new float[dimensions.Aggregate(1L, (product, d) => product * d)];
        for (var i = 0; i < values.Length; i += 4)
        {
            var block = Philox.Block(Vector128.Create((uint)(i / 4), 0, 0x48656164, stream), seed);
            for (var j = 0; j < 4 && i + j < values.Length; j++)
                values[i + j] = (float)(((block[j] >> 8) + 0.5) / (1 << 24) * 2 * bound - bound);
        }
        return TensorData.Of(values, [.. dimensions]);
    }
}
