namespace OnnxPriors.Graphs.Inference;

/// <summary>Scan along first axes, which the gradients of recurrent operators are made of where the number of steps is not known.</summary>
internal static class ScanShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal) { ["Scan"] = Scan };

    private static void Scan(OperatorCall c)
    {
        var body = c.Attributes.Subgraph("body") ?? throw c.Error("lacks its body");
        var sequences = (int)c.Attributes.Int("num_scan_inputs");
        var states = c.Inputs.Length - sequences;
        if (c.Attributes.Ints("scan_input_axes")?.Any(a => a != 0) == true || c.Attributes.Ints("scan_output_axes")?.Any(a => a != 0) == true)
            throw c.Error("runs along another axis than the first");
        var steps = c.ShapeOf(states)?[0] ?? Dimension.Unknown;
        for (var i = 0; i < c.OutputCount; i++)
        {
            var inner = body.Outputs[i];
            c.Set(i, inner.Type, i < states ? c.ShapeOf(i) : inner.Shape is { } shape ? new([steps, .. shape]) : null);
        }
    }
}
