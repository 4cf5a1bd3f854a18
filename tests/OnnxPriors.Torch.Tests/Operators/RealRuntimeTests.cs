using Microsoft.ML.OnnxRuntime;

namespace OnnxPriors.Torch.Tests.Operators;

/// <summary>Operator by operator against ONNX Runtime, at the canonical opset, over the forms that the specification's own cases pass by.</summary>
[TestClass]
public sealed class RealRuntimeTests
{
    // Two float32 engines that sum in different orders.
    private const double Relative = 1e-4, Absolute = 1e-5;

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

    [TestMethod]
    public void Counts_of_words_agree() => AssertAgree(OperatorCases.Words);

    private static void AssertAgree(IReadOnlyList<OperatorCase> cases)
    {
        var wrong = new List<string>();
        foreach (var one in cases)
        {
            double distance;
            try
            {
                distance = one.Distance(Relative, Absolute);
            }
            catch (Exception e) when (e is OnnxPriorsException or OnnxRuntimeException)
            {
                wrong.Add($"{one}: {e.Message}");
                continue;
            }
            if (!(distance <= 1)) wrong.Add($"{one}: {distance:g3} times the tolerance");
        }
        Assert.IsEmpty(wrong, string.Join(Environment.NewLine, wrong));
    }
}
