using OnnxPriors.Normalization;
using OnnxPriors.Onnx;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Normalization.Newer;

/// <summary>
/// Operators that the canonical opset does not have compute after import what ONNX Runtime computes for them as they are, or what the
/// specification's formula gives where the runtime does not know them.
/// </summary>
[TestClass]
public sealed class NewerOperatorTests
{
    public static IEnumerable<object[]> Cases() => NewerForms.All.Select((f, i) => new object[] { i, f.ToString() });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_import_computes_what_the_file_says(int index, string name)
    {
        var form = NewerForms.All[index];
        var (model, inputs) = form.Build();
        var expected = form.Expected(model, inputs);
        var graph = Normalizer.Run(model).Graph;
        Assert.IsTrue(GraphCondition.Canonical.Holds(graph), name);
        var actual = OnnxRuntime.Run(Model.Canonical(graph), inputs);
        foreach (var (output, tensor) in expected)
        {
            var exact = form.Formula is null ? tensor : tensor.ConvertTo(actual[output].Type);
            Assert.IsLessThan(form.Tolerance, OnnxRuntime.RelativeError(actual[output], exact), $"{name}: {output}");
            // What shape inference says is what comes out, as far as it can know.
            var value = graph.Outputs.First(o => o.Name == output);
            Assert.AreEqual(actual[output].Type, value.Type, name);
            if (value.Shape is { } shape)
            {
                Assert.AreEqual(exact.Dimensions.Length, shape.Rank, name);
                foreach (var (said, is_) in shape.Zip(exact.Dimensions))
                    Assert.AreEqual(said.Value ?? is_, is_, name);
            }
        }
    }
}
