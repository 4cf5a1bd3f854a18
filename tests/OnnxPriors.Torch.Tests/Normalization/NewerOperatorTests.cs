using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Tests.Normalization.Newer;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Tests.Normalization;

/// <summary>The same operators on the second engine, and the gradients of what became of them against libtorch's own.</summary>
[TestClass]
public sealed class NewerOperatorTests
{
    public static IEnumerable<object[]> Cases() => NewerForms.All.Select((f, i) => new object[] { i, f.ToString() });

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void The_module_computes_what_the_file_says(int index, string name)
    {
        var form = NewerForms.All[index];
        var (model, inputs) = form.Build();
        var graph = Normalizer.Run(model).Graph;
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var module = new GraphModule(graph);
        var outputs = module.Forward(graph.Inputs.ToDictionary(i => i.Name, i => Tensors.ToTorch(inputs[i.Name])));
        foreach (var (output, expected) in form.Expected(model, inputs))
        {
            CollectionAssert.AreEqual(expected.Dimensions.ToArray(), outputs[output].shape, $"{name}: {output}");
            var scale = expected.ToDouble().Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
            Assert.IsLessThanOrEqualTo(1, Tensors.Distance(Tensors.ToDoubles(outputs[output]), expected.ToDouble(), 0, form.Tolerance * Math.Max(scale, 1e-30)), $"{name}: {output}");
        }
    }
}
