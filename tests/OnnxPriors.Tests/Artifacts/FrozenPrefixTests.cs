using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class FrozenPrefixTests
{
    [TestMethod]
    public void A_chain_is_cut_before_the_first_tensor_that_trains()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var hidden = b.Relu(b.MatMul(x, Weights(b, "first", 4, 3)));
        var graph = b.Build([("y", b.MatMul(b.Relu(b.MatMul(hidden, Weights(b, "second", 3, 3))), Weights(b, "third", 3, 2)))]);
        var cut = FrozenPrefix.Of(graph, [Find(graph, "second"), Find(graph, "third")])!;
        Assert.AreSame(cut.Features.Outputs[0], cut.Rest.Inputs[0]);
        CollectionAssert.AreEqual((string[])["MatMul", "Relu"], cut.Features.Nodes.Select(node => node.Op).ToArray());
        CollectionAssert.AreEqual((string[])["MatMul", "Relu", "MatMul"], cut.Rest.Nodes.Select(node => node.Op).ToArray());
        CollectionAssert.AreEqual((string[])["first"], cut.Features.Parameters.Select(value => value.Name).ToArray());
        CollectionAssert.AreEqual((string[])["second", "third"], cut.Rest.Parameters.Select(value => value.Name).ToArray());
        // From the first tensor on all trains: there is nothing to compute once.
        Assert.IsNull(FrozenPrefix.Of(graph, [Find(graph, "first"), Find(graph, "third")]));
    }

    [TestMethod]
    public void A_branch_that_passes_the_trained_part_by_leaves_no_one_value_to_cut_at()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var hidden = b.Relu(b.MatMul(x, Weights(b, "first", 4, 4)));
        var other = b.Tanh(x);
        var graph = b.Build([("y", b.Add(b.MatMul(hidden, Weights(b, "second", 4, 4)), other))]);
        Assert.IsNull(FrozenPrefix.Of(graph, [Find(graph, "second")]));
    }

    [TestMethod]
    public void A_residual_block_is_cut_at_the_value_that_both_its_branches_take()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var hidden = b.Relu(b.MatMul(x, Weights(b, "first", 4, 4)));
        var graph = b.Build([("y", b.Add(b.MatMul(hidden, Weights(b, "second", 4, 4)), hidden))]);
        var cut = FrozenPrefix.Of(graph, [Find(graph, "second")])!;
        CollectionAssert.AreEqual((string[])["MatMul", "Add"], cut.Rest.Nodes.Select(node => node.Op).ToArray());
    }

    private static Value Find(Graph graph, string name) => graph.Find(name)!;

    private static Value Weights(GraphBuilder b, string name, params long[] shape) => b.Parameter(
        name, TensorData.Of([.. Enumerable.Range(1, (int)shape.Aggregate((p, q) => p * q)).Select(i => i / 10f)], [.. shape]));
}
