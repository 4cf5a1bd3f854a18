using OnnxPriors.Graphs;
using static OnnxPriors.Gradients.Rules.Derivatives;

namespace OnnxPriors.Gradients.Rules;

/// <summary>Activations, softmax among them, and dropout. Attributes have the specification's defaults.</summary>
internal static class ActivationGradients
{
    public static IReadOnlyDictionary<string, GradientRule> Rules { get; } = new Dictionary<string, GradientRule>(StringComparer.Ordinal)
    {
        // By the output, so that the input need not be kept.
        ["Relu"] = Unary((b, x, y, dy) => dy * b.Mask(b.Greater(y, b.Like(0, y)), dy)),
        // y (1 − y) as e^−|x| / (1 + e^−|x|)²: the runtime's sigmoid is exact to 1e-7 of 1, not of y, and a saturated output has y far below that.
        ["Sigmoid"] = Unary((b, x, y, dy) =>
        {
            var e = b.Exp(-b.Abs(x));
            var sum = e + 1;
            return dy * (e / (sum * sum));
        }),
        ["Tanh"] = Unary((b, x, y, dy) => dy * (1 - y * y)),
        ["Softplus"] = Unary((b, x, y, dy) => dy * b.Sigmoid(x)),
        ["Softsign"] = Unary((b, x, y, dy) => dy / b.Pow(b.Abs(x) + 1, 2)),
        ["Mish"] = Unary((b, x, y, dy) =>
        {
            var t = b.Tanh(b.Softplus(x));
            return dy * (t + x * (1 - t * t) * b.Sigmoid(x));
        }),
        ["HardSwish"] = Unary((b, x, y, dy) => dy * b.Where(b.Greater(x, b.Like(-3, x)), b.Where(b.Less(x, b.Like(3, x)), x / 3 + 0.5, b.Like(1, x)), b.Like(0, x))),
        ["LeakyRelu"] = c => Piecewise(c, 1, (x, y) => c.B.Like(c.Attributes.Float("alpha", 0.01f), x)),
        ["Elu"] = c => Piecewise(c, 1, (x, y) => y + c.Attributes.Float("alpha", 1)),
        ["Celu"] = c => Piecewise(c, 1, (x, y) => y / c.Attributes.Float("alpha", 1) + 1),
        ["Selu"] = c =>
        {
            var gamma = c.Attributes.Float("gamma", 1.05070102214813232421875f);
            Piecewise(c, gamma, (x, y) => y + c.Attributes.Float("alpha", 1.67326319217681884765625f) * gamma);
        },
        ["PRelu"] = c =>
        {
            Piecewise(c, 1, (x, y) => c.X(1));
            c.Give(1, () => c.Dy() * c.B.Min(c.X(), c.B.Like(0, c.X())));
        },
        ["ThresholdedRelu"] = c => c.Give(0, () => c.Dy() * c.B.Mask(c.B.Greater(c.X(), c.B.Like(c.Attributes.Float("alpha", 1), c.X())), c.Dy())),
        ["Shrink"] = c => c.Give(0, () => c.Dy() * c.B.Mask(c.B.Greater(c.B.Abs(c.X()), c.B.Like(c.Attributes.Float("lambd", 0.5f), c.X())), c.Dy())),
        ["HardSigmoid"] = c => c.Give(0, () =>
        {
            var inside = c.B.And(c.B.Greater(c.Y(), c.B.Like(0, c.Y())), c.B.Less(c.Y(), c.B.Like(1, c.Y())));
            return c.Dy() * c.B.Mask(inside, c.Dy()) * c.Attributes.Float("alpha", 0.2f);
        }),
        ["Softmax"] = c => c.Give(0, () => c.Y() * (c.Dy() - c.B.ReduceSum(c.Dy() * c.Y(), [c.Attributes.Int("axis", -1)]))),
        ["LogSoftmax"] = c => c.Give(0, () => c.Dy() - c.B.Exp(c.Y()) * c.B.ReduceSum(c.Dy(), [c.Attributes.Int("axis", -1)])),
        ["Dropout"] = Dropout,
    };

    // One slope above 0, a formula in (x, y) at and below it.
    private static void Piecewise(GradientCall c, double above, Func<Value, Value, Value> below) =>
        c.Give(0, () => c.Dy() * c.B.Where(c.B.Greater(c.X(), c.B.Like(0, c.X())), c.B.Like(above, c.X()), below(c.X(), c.Y())));

    // Outside training the identity; in training what the mask kept, scaled by 1/(1 − ratio).
    private static void Dropout(GradientCall c)
    {
        var training = c.Node.TryInput(2);
        var known = GraphBuilder.TryEvaluate(training)?.ToInt64()[0];
        if (training is null || known == 0)
        {
            c.Give(0, () => c.Dy());
            return;
        }
        var (b, mask) = (c.B, c.Kept(1));
        c.Give(0, () =>
        {
            var kept = 1 - (c.Node.TryInput(1) ?? b.Like(0.5, c.Dy()));
            return c.Dy() * b.Mask(mask, c.Dy()) / (known is null ? b.Where(training, kept, b.Like(1, kept)) : kept);
        });
    }
}
