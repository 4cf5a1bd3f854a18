namespace OnnxPriors.Graphs.Inference;

/// <summary>
/// RNN, GRU and LSTM: x [T, N, I] and recurrence weights [D, G·H, H] give all states [T, D, N, H] and the last ones [D, N, H]; with
/// <c>layout</c> 1 the batch comes first.
/// </summary>
internal static class RecurrentShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = new Dictionary<string, ShapeRule>(StringComparer.Ordinal)
    {
        ["RNN"] = c => States(c, gates: 1),
        ["GRU"] = c => States(c, gates: 3),
        ["LSTM"] = c => States(c, gates: 4),
    };

    private static void States(OperatorCall c, int gates)
    {
        var (x, w, r) = (c.ShapeOf(0), c.Input(1).Shape, c.Input(2).Shape);
        if (x is { Rank: not 3 } || w is { Rank: not 3 } || r is { Rank: not 3 })
            throw c.Error("needs an input [T, N, I] and weights [D, G*H, I] and [D, G*H, H]");
        Dimension directions = c.Attributes.String("direction", "forward") == "bidirectional" ? 2 : 1;
        var hidden = c.Attributes.Has("hidden_size") ? c.Attributes.Int("hidden_size") : r is null ? Dimension.Unknown : r[2];
        if (r is not null && hidden.IsStatic && r[1].IsStatic && r[1] != hidden * gates)
            throw c.Error($"has {r[1]} rows of recurrence weights where {gates} gates of {hidden} need {hidden * gates}");
        if (x is not null && w is not null && x[2].IsStatic && w[2].IsStatic && x[2] != w[2])
            throw c.Error($"has {x[2]} input features where its weights want {w[2]}");
        var batchFirst = c.Attributes.Flag("layout");
        var (time, batch) = x is null ? (Dimension.Unknown, Dimension.Unknown) : batchFirst ? (x[1], x[0]) : (x[0], x[1]);
        Shape all = batchFirst ? [batch, time, directions, hidden] : [time, directions, batch, hidden];
        Shape last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
        c.Set(0, c.Input(0).Type, all);
        c.Set(1, c.Input(0).Type, last);
        c.Set(2, c.Input(0).Type, last);
    }
}
