using System.Collections.Immutable;
using System.Globalization;
using OnnxPriors.Gradients;
using OnnxPriors.Graphs.Inference;
using OnnxPriors.Normalization;
using OnnxPriors.Normalization.ControlFlow;
using OnnxPriors.Normalization.Passes;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Catalogue;

/// <summary>
/// Every operator of the ONNX specification, and those outside it that are read, with what is done with them. It is put together from the
/// tables that the import, the shape rules and the gradients run on: what is said here is what happens.
/// </summary>
public static class OperatorCatalogue
{
    private const string Standard = "ai.onnx";

    // The reader makes data of it.
    private const string Constant = "Constant";

    /// <summary>Lists the operators: the standard domain first, each domain in the order of names.</summary>
    /// <param name="computed">The standard operators that the second engine computes.</param>
    public static ImmutableArray<OperatorSupport> List(IReadOnlyCollection<string> computed)
    {
        ArgumentNullException.ThrowIfNull(computed);
        var second = computed.ToHashSet(StringComparer.Ordinal);
        var known = SpecificationOperator.All.ToDictionary(o => Key(o.Domain, o.Name), StringComparer.Ordinal);
        var outside = UpgradeTables.All.Select(r => r.Op).Distinct(StringComparer.Ordinal).Where(key => !known.ContainsKey(key)).Select(Outside);
        return [.. SpecificationOperator.All.Concat(outside).Select(o => Describe(o, second))
            .OrderBy(o => o.Domain == Standard ? 0 : 1).ThenBy(o => o.Domain, StringComparer.Ordinal).ThenBy(o => o.Operator, StringComparer.Ordinal)];
    }

    private static OperatorSupport Describe(SpecificationOperator op, HashSet<string> second)
    {
        var key = Key(op.Domain, op.Name);
        var rules = UpgradeTables.All.Where(r => r.Op == key).ToList();
        var isCanonical = ShapeInference.IsKnown(op.Domain, op.Name);
        // Written in other operators whatever the opset, so that it rests on theirs.
        var isRewritten = FloatQuantised.Operators.Contains(key) || rules.Any(r => r is { From: 0, To: long.MaxValue }) || (!isCanonical && rules.Count > 0);
        var isWrittenOut = op.Domain.Length == 0 && (Structures.Operators.Contains(op.Name) || op.Name == Constant);
        var forward = isWrittenOut || isRewritten || (isCanonical && second.Contains(op.Name));
        var isZero = GradientRules.ZeroOperators.Contains((op.Domain, op.Name)) || Restrictions.WithoutDerivative.Contains(key);
        var gradient = forward && !isZero && (isWrittenOut || GradientRules.Operators.Contains((op.Domain, op.Name)) || ExpandedOperators.All.Contains((op.Domain, op.Name)));
        var remark = forward ? Restrictions.Of(key) : UnsupportedReasons.Of(op.Domain, op.Name);
        return new(op.Name, op.Domain.Length == 0 ? Standard : op.Domain, Opsets(op), forward, gradient, remark);
    }

    private static string Opsets(SpecificationOperator op)
    {
        if (op.Versions.IsEmpty)
            return op.Domain.Length > 0 ? "1" : "experimental";
        var last = op.IsWithdrawn ? op.Versions[^1] - 1 : op.Domain.Length == 0 ? Normalizer.MaxOpset : op.Versions[^1];
        var first = Math.Max(op.Versions[0], op.Domain.Length == 0 ? Normalizer.MinOpset : 1);
        return first == last ? first.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{first}-{last}");
    }

    private static SpecificationOperator Outside(string key)
    {
        var dot = key.LastIndexOf('.');
        return new(dot < 0 ? "" : key[..dot], key[(dot + 1)..], [], false);
    }

    private static string Key(string domain, string name) => domain.Length == 0 ? name : $"{domain}.{name}";
}
