using System.Collections.Immutable;

namespace OnnxPriors.Graphs.Inference;

/// <summary>Convolutions and pooling: windows that slide over the spatial axes of [N, C, D₁, …].</summary>
internal static class ConvolutionShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["Conv"] = c => c.Set(0, c.Input(0).Type, Convolved(c, c.Input(0), c.Input(1))),
        ["ConvTranspose"] = ConvTranspose,
        ["MaxPool"] = c =>
        {
            var shape = Pooled(c);
            c.Set(0, c.Input(0).Type, shape);
            c.Set(1, ElementType.Int64, shape);
        },
        ["AveragePool"] = c => c.Set(0, c.Input(0).Type, Pooled(c)),
        ["LpPool"] = c => c.Set(0, c.Input(0).Type, Pooled(c)),
        ["GlobalAveragePool"] = GlobalPool,
        ["GlobalMaxPool"] = GlobalPool,
        ["GlobalLpPool"] = GlobalPool,
    };

    private static void GlobalPool(OperatorCall c) =>
        c.Set(0, c.Input(0).Type, c.ShapeOf(0) is { } s ? new([.. s.Select((d, i) => i < 2 ? d : 1)]) : null);

    /// <summary>The shape of a convolution of an input [N, C, D₁, …] with a kernel [M, C/group, k₁, …]; null where a rank is unknown.</summary>
    public static Shape? Convolved(OperatorCall c, Value input, Value weights)
    {
        if (input.Shape is not { } x || weights.Shape is not { } w)
            return null;
        if (x.Rank < 3 || x.Rank != w.Rank)
            throw c.Error("needs an input [N, C, D1, …] and a kernel [M, C/group, k1, …] of as many axes");
        if (x[1].Value is { } channels && w[1].Value is { } perGroup && channels != perGroup * c.Attributes.Int("group", 1))
            throw c.Error($"has {channels} input channels where its kernel wants {perGroup * c.Attributes.Int("group", 1)}");
        var kernel = c.Attributes.Ints("kernel_shape");
        var window = Window.Read(c.Attributes, x.Rank - 2);
        var all = ImmutableArray.CreateBuilder<Dimension>(x.Rank);
        all.Add(x[0]);
        all.Add(w[0]);
        for (var i = 0; i < x.Rank - 2; i++)
            all.Add(window.Output(i, x[i + 2], kernel?[i] ?? w[i + 2]));
        return new(all.MoveToImmutable());
    }

    private static Shape? Pooled(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x)
            return null;
        var kernel = c.Attributes.Ints("kernel_shape") ?? throw c.Error("lacks its attribute kernel_shape");
        if (x.Rank != kernel.Length + 2)
            throw c.Error($"has a kernel of {kernel.Length} axes for an input of {x.Rank}");
        var window = Window.Read(c.Attributes, x.Rank - 2);
        return new([.. x.Select((d, i) => i < 2 ? d : window.Output(i - 2, d, kernel[i - 2]))]);
    }

    private static void ConvTranspose(OperatorCall c)
    {
        if (c.Input(0).Shape is not { } x || c.Input(1).Shape is not { } w)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        var kernel = c.Attributes.Ints("kernel_shape");
        var window = Window.Read(c.Attributes, x.Rank - 2);
        var extra = c.Attributes.Ints("output_padding");
        var wanted = c.Attributes.Ints("output_shape");
        var all = ImmutableArray.CreateBuilder<Dimension>(x.Rank);
        all.Add(x[0]);
        all.Add(w[1] * c.Attributes.Int("group", 1));
        for (var i = 0; i < x.Rank - 2; i++)
        {
            if (wanted is not null)
                all.Add(wanted[wanted.Length - (x.Rank - 2) + i]);
            else if (window.IsSame)
                all.Add(x[i + 2] * window.Strides[i]);
            else
                all.Add((x[i + 2] - 1) * window.Strides[i] + (extra?[i] ?? 0) + (((kernel?[i] ?? w[i + 2]) - 1) * window.Dilations[i] + 1) - window.Pads[i] - window.Pads[i + x.Rank - 2]);
        }
        c.Set(0, c.Input(0).Type, new(all.MoveToImmutable()));
    }
}
