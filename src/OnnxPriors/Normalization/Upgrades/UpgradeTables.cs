using OnnxPriors.Normalization.Upgrades.Attention;
using OnnxPriors.Normalization.Upgrades.Spatial;
using OnnxPriors.Normalization.Upgrades.Standard;
using OnnxPriors.Normalization.Upgrades.Types;
using OnnxPriors.Normalization.Upgrades.Vendor;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>What changed in an operator between two versions of the specification, as a change to a node.</summary>
/// <param name="Op">The operator's name in the file, after its domain and a dot where that is not the standard one.</param>
/// <param name="From">The oldest opset whose nodes need the change.</param>
/// <param name="To">The newest opset whose nodes need the change.</param>
/// <param name="Apply">Changes the node's parts, or finishes it.</param>
internal sealed record UpgradeRule(string Op, long From, long To, Action<NodeUpgrade> Apply)
{
    /// <summary>A rule for nodes older than an opset.</summary>
    public static UpgradeRule Before(long opset, string op, Action<NodeUpgrade> apply) => new(op, 0, opset - 1, apply);

    /// <summary>A rule for nodes of an opset and newer.</summary>
    public static UpgradeRule Since(long opset, string op, Action<NodeUpgrade> apply) => new(op, opset, long.MaxValue, apply);

    /// <summary>A rule for nodes of every opset: operators that the canonical form writes in other operators.</summary>
    public static UpgradeRule Always(string op, Action<NodeUpgrade> apply) => new(op, 0, long.MaxValue, apply);
}

/// <summary>The rules of all families. Those for one operator run in the order of their table, oldest change first.</summary>
internal static class UpgradeTables
{
    private static readonly Dictionary<string, UpgradeRule[]> Rules =
        OldestUpgrades.Rules
            .Concat(ElementwiseUpgrades.Rules)
            .Concat(MovementUpgrades.Rules)
            .Concat(ReductionUpgrades.Rules)
            .Concat(NeuralUpgrades.Rules)
            .Concat(ResizeUpgrades.Rules)
            .Concat(NewerOperators.Rules)
            .Concat(AttentionUpgrade.Rules)
            .Concat(RecurrentAttention.Rules)
            .Concat(SamplingUpgrades.Rules)
            .Concat(WindowUpgrades.Rules)
            .Concat(SamePadding.Rules)
            .Concat(ScanUpgrades.Rules)
            .Concat(FourierUpgrades.Rules)
            .Concat(QuantisedUpgrades.Rules)
            .Concat(VendorQuantised.Rules)
            .Concat(BitCastUpgrade.Rules)
            .Concat(ExperimentalOperators.Rules)
            .Concat(FusedOperators.Rules)
            .Concat(VendorNormalisation.Rules)
            .Concat(VendorAttention.Rules)
            .Concat(GroupedAttention.Rules)
            .Concat(RecurrentUpgrades.Rules)
            .Concat(WiderTypes.Rules)
            .Concat(BatchUpgrades.Rules)
            .GroupBy(r => r.Op, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.ToArray(), StringComparer.Ordinal);

    /// <summary>All rules.</summary>
    public static IEnumerable<UpgradeRule> All => Rules.Values.SelectMany(r => r);

    /// <summary>The rules for an operator as a file of an opset has it; those of other domains do not depend on the opset.</summary>
    public static IEnumerable<UpgradeRule> For(string domain, string op, long opset) =>
        !Rules.TryGetValue(domain.Length == 0 ? op : $"{domain}.{op}", out var rules) ? []
        : domain.Length == 0 ? rules.Where(r => r.From <= opset && opset <= r.To)
        : rules;
}
