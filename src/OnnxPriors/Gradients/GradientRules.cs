using OnnxPriors.Gradients.Rules;
using OnnxPriors.Gradients.Rules.Recurrent;
using OnnxPriors.Gradients.Rules.Sampling;
using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients;

/// <summary>
/// The rule of each operator at the canonical opset, gathered from the tables of the families. Where nothing of an operator's result changes
/// with its inputs, or only in jumps, that is declared; an operator that is in neither list has no gradient, which is an error.
/// </summary>
public static class GradientRules
{
    private static readonly Dictionary<(string Domain, string Op), GradientRule> Rules = Gather(
        ArithmeticGradients.Rules, FunctionGradients.Rules, ActivationGradients.Rules, ReductionGradients.Rules, MovementGradients.Rules,
        SlicingGradients.Rules, IndexingGradients.Rules, MatrixGradients.Rules, ConvolutionGradients.Rules, PoolingGradients.Rules,
        NormalisationGradients.Rules, BatchNormalizationGradient.Rules, ResizeGradient.Rules, LossGradients.Rules,
        RecurrentGradients.Rules, SamplingGradients.Rules, ScatterGradients.Rules, SignalGradients.Rules);

    /// <summary>The operators whose derivative is zero wherever it exists, and those whose result holds no real numbers of the inputs.</summary>
    private static readonly HashSet<(string Domain, string Op)> Zero =
    [
        .. ((string[])
        [
            "And", "ArgMax", "ArgMin", "Bernoulli", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "BlackmanWindow", "Ceil",
            "ConstantOfShape", "ConvInteger", "Equal", "EyeLike", "Floor", "Greater", "GreaterOrEqual", "HammingWindow", "HannWindow", "Hardmax", "IsInf",
            "IsNaN", "Less", "LessOrEqual", "MatMulInteger", "MelWeightMatrix", "Multinomial", "NonMaxSuppression", "NonZero", "Not", "Or", "RandomNormal",
            "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Round", "Shape", "Sign", "Size", "TfIdfVectorizer", "Xor",
        ]).Select(op => ("", op)),
    ];

    /// <summary>The operators that have a rule.</summary>
    public static IReadOnlyCollection<(string Domain, string Op)> Operators => Rules.Keys;

    /// <summary>The operators declared to have no gradient: it is zero.</summary>
    public static IReadOnlyCollection<(string Domain, string Op)> ZeroOperators => Zero;

    /// <summary>The rule of a node's operator, or null where there is none.</summary>
    /// <param name="node">The node.</param>
    public static GradientRule? Find(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return Rules.GetValueOrDefault((node.Domain, node.Op));
    }

    /// <summary>Whether a node's operator is declared to have the derivative zero.</summary>
    /// <param name="node">The node.</param>
    public static bool IsZero(Node node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return Zero.Contains((node.Domain, node.Op));
    }

    /// <summary>One table of all families' tables.</summary>
    /// <param name="families">Rules by operator of the standard domain.</param>
    /// <exception cref="ArgumentException">Two families have a rule for one operator.</exception>
    internal static Dictionary<(string Domain, string Op), GradientRule> Gather(params ReadOnlySpan<IReadOnlyDictionary<string, GradientRule>> families)
    {
        var all = new Dictionary<(string, string), GradientRule>();
        foreach (var family in families)
            foreach (var (op, rule) in family)
                if (!all.TryAdd(("", op), rule))
                    throw new ArgumentException($"Two gradient rules are registered for the operator {op}.", nameof(families));
        return all;
    }
}
