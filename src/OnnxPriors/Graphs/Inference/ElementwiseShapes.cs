namespace OnnxPriors.Graphs.Inference;

/// <summary>Operators that compute each element of their result from the elements in the same place.</summary>
internal static class ElementwiseShapes
{
    public static IReadOnlyDictionary<string, ShapeRule> Rules { get; } = Make();

    private static Dictionary<string, ShapeRule> Make()
    {
        var rules = new Dictionary<string, ShapeRule>(StringComparer.Ordinal);
        foreach (var op in (string[])
        [
            "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Elu", "Erf", "Exp",
            "Floor", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal",
            "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh",
            "ThresholdedRelu", "CumSum", "Trilu",
        ])
            rules.Add(op, c => c.Set(0, c.Input(0).Type, c.ShapeOf(0)));
        foreach (var op in (string[])["Softmax", "LogSoftmax", "Hardmax"])
            rules.Add(op, c =>
            {
                c.ShapeOf(0)?.Axis(c.Attributes.Int("axis", -1));
                c.Set(0, c.Input(0).Type, c.ShapeOf(0));
            });
        foreach (var op in (string[])["Add", "Sub", "Mul", "Div", "Mod", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "And", "Or", "Xor"])
            rules.Add(op, c => c.Set(0, OneType(c, 0, 1), Broadcasting.Broadcast(c.Input(0).Shape, c.Input(1).Shape)));
        rules.Add("Pow", c => c.Set(0, c.Input(0).Type, Broadcasting.Broadcast(c.Input(0).Shape, c.Input(1).Shape)));
        foreach (var op in (string[])["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
            rules.Add(op, c =>
            {
                OneType(c, 0, 1);
                c.Set(0, ElementType.Bool, Broadcasting.Broadcast(c.Input(0).Shape, c.Input(1).Shape));
            });
        foreach (var op in (string[])["Max", "Min", "Sum", "Mean"])
            rules.Add(op, c => c.Set(0, OneType(c, [.. Enumerable.Range(0, c.Inputs.Length)]), Broadcasting.Broadcast([.. c.Inputs.Select(i => i?.Shape)])));
        foreach (var op in (string[])["IsNaN", "IsInf"])
            rules.Add(op, c => c.Set(0, ElementType.Bool, c.ShapeOf(0)));
        rules.Add("PRelu", c => c.Set(0, c.Input(0).Type, c.Input(0).Shape));
        rules.Add("Where", c => c.Set(0, OneType(c, 1, 2), Broadcasting.Broadcast(c.Input(0).Shape, c.Input(1).Shape, c.Input(2).Shape)));
        rules.Add("Cast", c => c.Set(0, (ElementType)c.Attributes.Int("to"), c.ShapeOf(0)));
        rules.Add("CastLike", c => c.Set(0, c.Input(1).Type, c.ShapeOf(0)));
        rules.Add("Dropout", c =>
        {
            c.Set(0, c.Input(0).Type, c.ShapeOf(0));
            c.Set(1, ElementType.Bool, c.ShapeOf(0));
        });
        foreach (var op in (string[])["RandomNormalLike", "RandomUniformLike", "Bernoulli"])
            rules.Add(op, c => c.Set(0, c.Attributes.Has("dtype") ? (ElementType)c.Attributes.Int("dtype") : c.Input(0).Type, c.ShapeOf(0)));
        return rules;
    }

    // The one element type of some inputs; what is not known agrees with anything.
    private static ElementType OneType(OperatorCall c, params ReadOnlySpan<int> inputs)
    {
        var one = ElementType.Undefined;
        foreach (var i in inputs)
        {
            var type = c.Input(i).Type;
            if (one == ElementType.Undefined)
                one = type;
            else if (type != ElementType.Undefined && type != one)
                throw c.Error($"mixes {one} and {type}");
        }
        return one;
    }
}
