namespace OnnxPriors.Graphs;

// Element-wise operators. The specification of each is the page of the same name among the ONNX operators.
#pragma warning disable CS1591 // The names are the operators'; one comment a line would only repeat them.
public sealed partial class GraphBuilder
{
    public Value Add(Value a, Value b) => Apply("Add", [a, b]);

    public Value Sub(Value a, Value b) => Apply("Sub", [a, b]);

    public Value Mul(Value a, Value b) => Apply("Mul", [a, b]);

    public Value Div(Value a, Value b) => Apply("Div", [a, b]);

    public Value Pow(Value a, Value b) => Apply("Pow", [a, b]);

    public Value Pow(Value a, double exponent) => Pow(a, Scalar(exponent, a.Type));

    public Value Neg(Value x) => Apply("Neg", [x]);

    public Value Abs(Value x) => Apply("Abs", [x]);

    public Value Sign(Value x) => Apply("Sign", [x]);

    public Value Exp(Value x) => Apply("Exp", [x]);

    public Value Log(Value x) => Apply("Log", [x]);

    public Value Sqrt(Value x) => Apply("Sqrt", [x]);

    public Value Reciprocal(Value x) => Apply("Reciprocal", [x]);

    public Value Erf(Value x) => Apply("Erf", [x]);

    public Value Sin(Value x) => Apply("Sin", [x]);

    public Value Cos(Value x) => Apply("Cos", [x]);

    public Value Sinh(Value x) => Apply("Sinh", [x]);

    public Value Cosh(Value x) => Apply("Cosh", [x]);

    public Value Tanh(Value x) => Apply("Tanh", [x]);

    public Value Sigmoid(Value x) => Apply("Sigmoid", [x]);

    public Value Softplus(Value x) => Apply("Softplus", [x]);

    public Value Relu(Value x) => Apply("Relu", [x]);

    public Value Floor(Value x) => Apply("Floor", [x]);

    public Value Round(Value x) => Apply("Round", [x]);

    public Value Mod(Value a, Value b) => Apply("Mod", [a, b], Attributes.None.With("fmod", a.Type.IsFloating()));

    public Value Softmax(Value x, long axis = -1) => Apply("Softmax", [x], Attributes.None.With("axis", axis));

    public Value LogSoftmax(Value x, long axis = -1) => Apply("LogSoftmax", [x], Attributes.None.With("axis", axis));

    public Value Sum(params ReadOnlySpan<Value> values) => Apply("Sum", values!);

    public Value Max(Value a, Value b) => Apply("Max", [a, b]);

    public Value Min(Value a, Value b) => Apply("Min", [a, b]);

    public Value Clip(Value x, Value? low, Value? high) => Apply("Clip", [x, low, high]);

    public Value Equal(Value a, Value b) => Apply("Equal", [a, b]);

    public Value Greater(Value a, Value b) => Apply("Greater", [a, b]);

    public Value GreaterOrEqual(Value a, Value b) => Apply("GreaterOrEqual", [a, b]);

    public Value Less(Value a, Value b) => Apply("Less", [a, b]);

    public Value LessOrEqual(Value a, Value b) => Apply("LessOrEqual", [a, b]);

    public Value Not(Value x) => Apply("Not", [x]);

    public Value And(Value a, Value b) => Apply("And", [a, b]);

    public Value Or(Value a, Value b) => Apply("Or", [a, b]);

    public Value Where(Value condition, Value yes, Value no) => Apply("Where", [condition, yes, no]);

    public Value Cast(Value x, ElementType type) => Apply("Cast", [x], Attributes.None.With("to", type));

    public Value Identity(Value x) => Apply("Identity", [x]);

    public Value CumSum(Value x, Value axis, bool exclusive = false, bool reverse = false) =>
        Apply("CumSum", [x, axis], Attributes.None.With("exclusive", exclusive).With("reverse", reverse));

    public Value RandomNormalLike(Value x, double mean = 0, double scale = 1, float? seed = null) =>
        Apply("RandomNormalLike", [x], Attributes.None.With("mean", mean).With("scale", scale).With("seed", seed));
}
