using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades.Standard;

/// <summary>RNN, GRU and LSTM with the batch first, which runtimes lack: the axes are exchanged before and after.</summary>
internal static class RecurrentUpgrades
{
    private const int InitialH = 5, InitialC = 6;

    public static IEnumerable<UpgradeRule> Rules => from op in (string[])["RNN", "GRU", "LSTM"] select UpgradeRule.Since(14, op, TimeFirst);

    /// <summary>x [N, T, I], states [N, D, H], Y [N, T, D, H] become x [T, N, I], states [D, N, H], Y [T, D, N, H].</summary>
    private static void TimeFirst(NodeUpgrade node)
    {
        var batchFirst = node.Attributes.Flag("layout");
        node.Attributes = node.Attributes.Without("layout");
        if (!batchFirst)
            return;
        var b = node.B;
        foreach (var input in (int[])[0, InitialH, InitialC])
            if (node.TryInput(input) is { } given)
                node.SetInput(input, b.Transpose(given, 1, 0, 2));
        var results = b.Emit(node.Op, node.Inputs, node.Attributes, node.Node.Outputs.Length, [.. node.Node.Outputs.Select(o => o is null ? null : $"{o.Name}_time_first")], node.Node.Name);
        node.FinishWith([.. results.Select((result, i) => (Value?)result is null ? null : i == 0 ? b.Transpose(result, 2, 0, 1, 3) : b.Transpose(result, 1, 0, 2))]);
    }
}
