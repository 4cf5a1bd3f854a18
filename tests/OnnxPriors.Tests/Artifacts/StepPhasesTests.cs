using OnnxPriors.Artifacts;
using OnnxPriors.Graphs;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Optimizers;

namespace OnnxPriors.Tests.Artifacts;

[TestClass]
public sealed class StepPhasesTests
{
    [TestMethod]
    public void What_the_loss_needs_is_forward_and_the_rest_backward()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 3]);
        var weight = b.Parameter("w", TensorData.Of(new float[12], 3, 4));
        var graph = b.Build([("logits", b.Relu(b.MatMul(x, weight)))]);
        var gradient = GradientModel.Build(graph, [.. graph.Parameters], new CrossEntropy());
        var named = StepPhases.OfGradient(Reread(Model.Canonical(gradient.Graph)), gradient.Loss).Graph;
        Assert.AreEqual(StepPhase.Forward, PhaseOf(named, "LogSoftmax"));
        Assert.AreEqual(StepPhase.Backward, PhaseOf(named, "Softmax"));
        Assert.AreEqual(StepPhase.Forward, PhaseOf(named, "Relu"));
        // x w, and xᵀ ∂z of w's gradient.
        var products = named.Nodes.Where(n => n.Op is "MatMul" or "Gemm").Select(n => StepPhases.Of(n.Name)!.Value).ToList();
        Assert.AreSequenceEqual([StepPhase.Forward, StepPhase.Backward], products.Order());
    }

    [TestMethod]
    public void What_reads_only_the_prior_and_theta_is_the_priors()
    {
        var named = StepPhases.OfUpdate(Reread(UpdateModel.Build(new Sgd(), 5))).Graph;
        // ‖g‖ for clipping is the optimizer's; a δ and B (Bᵀ δ) are the prior's.
        Assert.AreEqual(StepPhase.Optimizer, PhaseOf(named, "Sqrt"));
        Assert.IsTrue(named.Nodes.Where(n => n.Op == "MatMul").Any(n => StepPhases.Of(n.Name) == StepPhase.Prior));
        Assert.IsTrue(StepPhases.OfUpdate(Reread(UpdateModel.Build(new Sgd(), null))).Graph.Nodes.All(n => StepPhases.Of(n.Name) == StepPhase.Optimizer));
    }

    [TestMethod]
    public void A_node_of_the_runtimes_own_has_no_phase() => Assert.IsNull(StepPhases.Of("ReorderInput"));

    private static Model Reread(Model model) => OnnxFile.Load(OnnxFile.ToBytes(model));

    private static StepPhase PhaseOf(Graph graph, string op) => StepPhases.Of(graph.Nodes.Single(n => n.Op == op).Name)!.Value;
}
