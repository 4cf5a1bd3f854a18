using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Activation functions, with the defaults of the specification.</summary>
internal static class Activations
{
    public static OperatorTable Table { get; } = new()
    {
        { "Relu", c => c[0].relu() },
        { "LeakyRelu", c => LeakyRelu(c[0], c.Attributes.Float("alpha", 0.01f)) },
        { "ThresholdedRelu", c => where(c[0] > c.Attributes.Float("alpha", 1f), c[0], zeros_like(c[0])) },
        { "Elu", c => c[0].elu(c.Attributes.Float("alpha", 1f), 1, 1) },
        { "Celu", c => c[0].elu(c.Attributes.Float("alpha", 1f), 1, 1.0 / c.Attributes.Float("alpha", 1f)) },
        { "Selu", c => c[0].elu(c.Attributes.Float("alpha", 1.67326319217681884765625f), c.Attributes.Float("gamma", 1.05070102214813232421875f), 1) },
        { "Gelu", c => Gelu(c[0], c.Attributes.String("approximate", "none") == "tanh") },
        { "Sigmoid", c => c[0].sigmoid() },
        { "HardSigmoid", c => HardSigmoid(c[0], c.Attributes.Float("alpha", 0.2f), c.Attributes.Float("beta", 0.5f)) },
        { "HardSwish", c => c[0] * HardSigmoid(c[0], 1.0 / 6, 0.5) },
        { "Swish", c => c[0] * (c[0] * c.Attributes.Float("alpha", 1f)).sigmoid() },
        { "Mish", c => c[0] * Softplus(c[0]).tanh() },
        { "Softplus", c => Softplus(c[0]) },
        { "Softsign", c => c[0] / (1 + c[0].abs()) },
        { "Shrink", c => Shrink(c[0], c.Attributes.Float("lambd", 0.5f), c.Attributes.Float("bias")) },
        { "Softmax", c => c[0].softmax(c.Axis(c[0].dim(), -1, "axis")) },
        { "LogSoftmax", c => c[0].log_softmax(c.Axis(c[0].dim(), -1, "axis")) },
        { "Hardmax", c => Hardmax(c[0], c.Axis(c[0].dim(), -1, "axis")) },
    };

    public static Tensor LeakyRelu(Tensor x, double alpha) => where(x < 0, alpha * x, x);

    public static Tensor HardSigmoid(Tensor x, double alpha, double beta) => (alpha * x + beta).clamp(0, 1);

    // libtorch's own softplus turns into x above 20, which double precision can see.
    public static Tensor Softplus(Tensor x) => x.logaddexp(zeros_like(x));

    private static Tensor Gelu(Tensor x, bool tanh) => tanh
        ? 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x.pow(3))).tanh())
        : 0.5 * x * (1 + (x * Math.Sqrt(0.5)).erf());

    private static Tensor Shrink(Tensor x, double limit, double bias) =>
        where(x < -limit, x + bias, where(x > limit, x - bias, zeros_like(x)));

    private static Tensor Hardmax(Tensor x, int axis) =>
        zeros_like(x).scatter(axis, x.argmax(axis, keepdim: true), ones_like(x));
}
