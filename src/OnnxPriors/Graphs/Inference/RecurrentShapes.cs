namespace OnnxPriors.Graphs.Inference;

/// <summary>LSTM, GRU and RNN, and the loop over a sequence that gradients of theirs use: Scan.</summary>
internal static class RecurrentShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["LSTM"] = Recurrent,
        ["GRU"] = Recurrent,
        ["RNN"] = Recurrent,
        ["Scan"] = Scan,
    };

    // x [T, N, I] and R [D, G·H, H] give Y [T, D, N, H] and last states [D, N, H]; with layout 1 the batch comes first.
    private static void Recurrent(OperatorCall c)
    {
        var type = c.Input(0).Type;
        if (c.Input(0).Shape is not { } x)
        {
            for (var i = 0; i < c.OutputCount; i++)
                c.Set(i, type, null);
            return;
        }
        if (x.Rank != 3)
            throw c.Error("needs an input of 3 axes");
        Dimension directions = c.Attributes.String("direction", "forward") == "bidirectional" ? 2 : 1;
        var hidden = c.Attributes.Has("hidden_size") ? c.Attributes.Int("hidden_size") : c.ShapeOf(2)?[2] ?? Dimension.Unknown;
        var batchFirst = c.Attributes.Flag("layout");
        var last = batchFirst ? new Shape([x[0], directions, hidden]) : [directions, x[1], hidden];
        c.Set(0, type, batchFirst ? [x[0], x[1], directions, hidden] : [x[0], directions, x[1], hidden]);
        c.Set(1, type, last);
        c.Set(2, type, last);
    }

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
