using OnnxPriors.Graphs;

namespace OnnxPriors.Normalization.Upgrades;

/// <summary>Why an operator is not supported and what to do about it, in a table.</summary>
internal static class UnsupportedReasons
{
    private static readonly Dictionary<string, (string Reason, string Advice)> Known = new(StringComparer.Ordinal)
    {
        ["ImageDecoder"] = ("pictures in files are decoded outside of models", "Feed the model decoded pictures"),
    };

    /// <summary>Why an operator is not supported, for the catalogue.</summary>
    public static string Of(string domain, string op) => For(new Node(op, domain, "", [], [], Attributes.None), null).Reason;

    public static UnsupportedNodeException For(Node node, NormalizationContext? context)
    {
        if (node.Domain.EndsWith("training", StringComparison.Ordinal))
            return new("operators of training belong to no model that predicts", "Export the model for inference");
        if (node.Domain == "ai.onnx.ml")
            return new("operators of classical machine learning are not networks", "Export the network part alone");
        if (node.Domain.Length > 0)
            return new(
                $"operators of the domain '{node.Domain}' are not standard",
                context is null || context.Opsets.ContainsKey(node.Domain)
                    ? "Use the model as exported, before a runtime's optimizer, or export it without custom operators"
                    : "The file does not import that domain either; export it again");
        if (Known.TryGetValue(node.Op, out var known))
            return new(known.Reason, known.Advice);
        if (node.Op.StartsWith("String", StringComparison.Ordinal) || node.Op is "TfIdfVectorizer" or "RegexFullMatch" or "LabelEncoder")
            return new("text is not numbers", "Prepare the text outside of the model");
        if (node.Op.Contains("Quantize", StringComparison.Ordinal) || node.Op.StartsWith("QLinear", StringComparison.Ordinal) || node.Op.EndsWith("Integer", StringComparison.Ordinal))
            return new("quantised models are not supported", "Use the float model it was made from");
        return new("the operator is not known", "Export the model so that it uses other operators, or cut it off before this node");
    }
}
