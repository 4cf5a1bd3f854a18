namespace OnnxPriors.Graphs.Inference;

/// <summary>Fourier transforms [N, …, 1 or 2] → [N, …, 2], windows, and weights of n-grams.</summary>
internal static class SignalShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["DFT"] = Fourier,
        ["STFT"] = ShortTimeFourier,
        ["HannWindow"] = Window,
        ["HammingWindow"] = Window,
        ["BlackmanWindow"] = Window,
        ["MelWeightMatrix"] = c => c.Set(0, Type(c), [Number(c, 1).FloorDivide(2) + 1, Number(c, 0)]),
        ["TfIdfVectorizer"] = Counts,
    };

    private static ElementType Type(OperatorCall c) => (ElementType)c.Attributes.Int("output_datatype", (long)ElementType.Float);

    /// <summary>A whole number that an input gives.</summary>
    private static Dimension Number(OperatorCall c, int input) => c.Contents(input) is { IsDefault: false, Length: 1 } given ? given[0] : Dimension.Unknown;

    private static void Window(OperatorCall c) => c.Set(0, Type(c), [Number(c, 0)]);

    private static void Fourier(OperatorCall c)
    {
        if (c.ShapeOf(0) is not { } x)
        {
            c.Set(0, c.Input(0).Type, null);
            return;
        }
        if (x.Rank < 2)
            throw c.Error("needs an input […, 1] of real or […, 2] of complex numbers");
        var axis = x.Axis(c.Attributes.Int("axis", 1));
        var length = c.TryInput(1) is null ? x[axis] : Number(c, 1);
        c.Set(0, c.Input(0).Type, x.With(axis, c.Attributes.Flag("onesided") ? length.FloorDivide(2) + 1 : length).With(x.Rank - 1, 2));
    }

    private static void ShortTimeFourier(OperatorCall c)
    {
        var x = c.ShapeOf(0);
        var window = c.ShapeOf(2);
        var length = c.TryInput(3) is not null ? Number(c, 3) : window is null ? Dimension.Unknown : window[0];
        var frames = x is not null && Number(c, 1).Value is > 0 and var step ? (x[1] - length).FloorDivide(step) + 1 : Dimension.Unknown;
        c.Set(0, c.Input(0).Type, [x is null ? Dimension.Unknown : x[0], frames, c.Attributes.Flag("onesided", true) ? length.FloorDivide(2) + 1 : length, 2]);
    }

    private static void Counts(OperatorCall c)
    {
        var places = c.Attributes.Ints("ngram_indexes") is { Length: > 0 } indexes ? indexes.Max() + 1 : throw c.Error("lacks its ngram_indexes");
        c.Set(0, ElementType.Float, c.ShapeOf(0) is not { } x ? null : x.Rank == 1 ? [places] : [x[0], places]);
    }
}
