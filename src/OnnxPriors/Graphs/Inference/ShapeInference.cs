namespace OnnxPriors.Graphs.Inference;

/// <summary>States the types and shapes of an operator's outputs, and their contents where these are shape arithmetic.</summary>
internal delegate void ShapeRule(OperatorCall call);

/// <summary>
/// The rule of each standard operator at the canonical opset, gathered from the tables of the families. A rule stands in one place;
/// two of the same name are an error at start-up.
/// </summary>
internal static class ShapeInference
{
    private static readonly Dictionary<string, ShapeRule> Rules = Gather(
        ElementwiseShapes.Rules, ReductionShapes.Rules, MovementShapes.Rules, IndexingShapes.Rules, ConvolutionShapes.Rules, NormalisationShapes.Rules,
        MatrixShapes.Rules, RecurrentShapes.Rules, QuantisedShapes.Rules, SignalShapes.Rules, SamplingShapes.Rules,
        ScanShapes.Rules);

    /// <summary>The standard operators that graphs may hold.</summary>
    public static IReadOnlyCollection<string> Operators => Rules.Keys;

    /// <summary>Whether a graph may hold the operator.</summary>
    public static bool IsKnown(string domain, string op) => domain.Length == 0 && Rules.ContainsKey(op);

    /// <summary>Works out a call's outputs.</summary>
    /// <exception cref="GraphException">The operator is unknown, or its inputs or attributes are wrong.</exception>
    public static void Infer(OperatorCall call)
    {
        if (call.Domain.Length > 0)
            return;
        if (!Rules.TryGetValue(call.Op, out var rule))
            throw call.Error("is of an operator that is not supported");
        try
        {
            rule(call);
            foreach (var shape in call.OutputShapes)
                if (shape is not null && shape.Any(d => d.Value < 0))
                    throw call.Error($"would give the shape {shape}");
            ShapeArithmetic.Propagate(call);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or ArithmeticException or IndexOutOfRangeException or KeyNotFoundException)
        {
            throw call.Error($"cannot be right ({e.Message})", e);
        }
    }

    private static Dictionary<string, ShapeRule> Gather(params ReadOnlySpan<IReadOnlyDictionary<string, ShapeRule>> families)
    {
        var all = new Dictionary<string, ShapeRule>(StringComparer.Ordinal);
        foreach (var family in families)
            foreach (var (op, rule) in family)
                all.Add(op, rule);
        return all;
    }
}
