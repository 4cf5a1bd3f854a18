using OnnxPriors.Gradients;

namespace OnnxPriors.Torch.Tests.Operators;

/// <summary>The reverse sweep's graphs under ONNX Runtime against libtorch's autograd: two independent implementations of each derivative.</summary>
[TestClass]
public sealed class GradientAgreementTests
{
    // Float32 against float64 over a few dozen terms.
    private const double Limit = 1e-4;

    // Where the operator is flat or jumps, or its gradient is declared to be none.
    private static readonly string[] WithoutGradient = ["Hardmax", "Ceil", "Floor", "Round", "Sign", "ArgMax", "ArgMin"];

    [TestMethod]
    public void Convolutions_agree() => AssertAgree(OperatorCases.Convolutions);

    [TestMethod]
    public void Transposed_convolutions_agree() => AssertAgree(OperatorCases.TransposedConvolutions);

    [TestMethod]
    public void Poolings_agree() => AssertAgree(OperatorCases.Poolings);

    [TestMethod]
    public void Normalisations_agree() => AssertAgree(OperatorCases.Normalisations);

    [TestMethod]
    public void Products_agree() => AssertAgree(OperatorCases.Products);

    [TestMethod]
    public void Movements_agree() => AssertAgree(OperatorCases.Movements);

    [TestMethod]
    public void Reductions_agree() => AssertAgree(OperatorCases.Reductions);

    [TestMethod]
    public void Activations_agree() => AssertAgree(OperatorCases.Activations);

    [TestMethod]
    public void Resizings_agree() => AssertAgree(OperatorCases.Resizings);

    private static void AssertAgree(IReadOnlyList<OperatorCase> cases)
    {
        var wrong = new List<string>();
        foreach (var one in cases.Where(one => !WithoutGradient.Contains(one.Op)))
        {
            double distance;
            try
            {
                distance = one.GradientDistance();
            }
            catch (GradientException)
            {
                // Forms that the gradient graph refuses are the reverse sweep's own to state.
                continue;
            }
            if (!(distance <= Limit)) wrong.Add($"{one}: {distance:g3}");
        }
        Assert.IsEmpty(wrong, string.Join(Environment.NewLine, wrong));
    }
}
