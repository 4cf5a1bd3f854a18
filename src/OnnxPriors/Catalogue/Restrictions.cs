using OnnxPriors.Normalization.ControlFlow;

namespace OnnxPriors.Catalogue;

/// <summary>What of an operator is refused although the operator is not: the words of the catalogue for refusals that stand in the code of rules.</summary>
internal static class Restrictions
{
    private const string Folds = "what it depends on must follow from constants or from inputs bound with --bind";
    private const string Trained = "to train, its float computation: the gradient is the straight-through one";
    private const string Tensors = "only where the model itself makes the sequence or optional value; inputs and outputs of models are tensors";

    private static readonly Dictionary<string, string> Texts = new(StringComparer.Ordinal)
    {
        ["If"] = $"written out: {Folds}",
        ["Loop"] = $"unrolled, up to the limit of --unroll and {UnrollBudget.MaxNodes} nodes in all: {Folds}",
        ["Scan"] = $"unrolled, up to the limit of --unroll and {UnrollBudget.MaxNodes} nodes in all: the length of what it scans must be known",
        ["BatchNormalization"] = "spatial = 0 (opsets 7 and 8) is refused",
        ["Constant"] = "text alone is refused",
        ["TfIdfVectorizer"] = "of numbers, not of text",
        ["GridSample"] = "cubic in two dimensions alone",
        ["Det"] = "a gradient where the number of rows is fixed",
        ["MaxPool"] = "with indices, no gradient with auto_pad SAME and a stride above 1 where the extents are not fixed",
        ["LpPool"] = "orders that are no whole number (opset 1) are refused",
        ["GlobalLpPool"] = "orders that are no whole number (opset 1) are refused",
        ["QuantizeLinear"] = Trained,
        ["DequantizeLinear"] = Trained,
        ["DynamicQuantizeLinear"] = Trained,
        ["QLinearConv"] = Trained,
        ["QLinearMatMul"] = Trained,
        ["ConvInteger"] = Trained,
        ["MatMulInteger"] = Trained,
        ["LinearAttention"] = "unrolled, up to 1,024 places: the length of the sequence must be known",
        ["com.microsoft.GroupQueryAttention"] = "every place of the cache counts, so that examples are of one length; sinks and quantised caches are refused",
        ["SequenceAt"] = Tensors,
        ["SequenceConstruct"] = Tensors,
        ["SequenceEmpty"] = Tensors,
        ["SequenceErase"] = Tensors,
        ["SequenceInsert"] = Tensors,
        ["SequenceLength"] = Tensors,
        ["SequenceMap"] = Tensors,
        ["SplitToSequence"] = Tensors,
        ["ConcatFromSequence"] = Tensors,
        ["Optional"] = Tensors,
        ["OptionalGetElement"] = Tensors,
        ["OptionalHasElement"] = Tensors,
    };

    /// <summary>Operators that are written in others and yet have no derivative: generators, bits, counts.</summary>
    public static IReadOnlySet<string> WithoutDerivative { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        "BitCast", "BlackmanWindow", "Constant", "GivenTensorFill", "HammingWindow", "HannWindow", "MelWeightMatrix", "Multinomial", "OptionalHasElement",
        "RandomNormal", "RandomUniform", "SequenceEmpty", "SequenceLength", "TfIdfVectorizer",
    };

    /// <summary>The operators with a text.</summary>
    public static IReadOnlyCollection<string> Operators => Texts.Keys;

    /// <summary>What of an operator is refused; empty where nothing is.</summary>
    public static string Of(string key) => Texts.GetValueOrDefault(key, "");
}
