using OnnxPriors.Graphs;
using OnnxPriors.Normalization;
using OnnxPriors.Tests.Engines;

namespace OnnxPriors.Tests.Normalization;

/// <summary>If, Loop, Scan, sequences and optional values vanish at import; ONNX Runtime, which runs them as they stand, is the reference.</summary>
[TestClass]
public sealed class ControlFlowTests
{
    private static readonly TensorData X = OnnxRuntime.Normal([3, 4], seed: 1);

    [TestMethod]
    public void An_If_on_a_bound_input_becomes_its_branch_and_keeps_the_weights_of_constant_nodes_trainable()
    {
        foreach (var rate in (long[])[8000, 16000])
        {
            var normalized = Check(Branching(), new() { ["x"] = X, ["rate"] = TensorData.Of([rate], []) }, "y", $"rate={rate}");
            Assert.IsTrue(normalized.Nodes.All(n => n.Op != "If"));
            CollectionAssert.AreEqual(new[] { rate == 8000 ? "low" : "high" }, normalized.Parameters.Select(p => p.Name).ToArray());
        }
    }

    [TestMethod]
    public void An_If_whose_condition_depends_on_an_input_is_refused_with_the_input_to_bind_and_what_is_unsupported_inside()
    {
        var model = Branching(inside: "NoSuchOperator");
        var error = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(model.ToModel("y")));
        StringAssert.Contains(error.Message, "--bind rate=VALUE");
        Assert.IsTrue(error.Nodes.Any(n => n.Op == "If" && n.Node == "choose"), error.Message);
        Assert.IsTrue(error.Nodes.Any(n => n.Op == "NoSuchOperator"), error.Message);
    }

    [TestMethod]
    public void Nested_branches_fold_from_the_inside_too()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Input("n", ElementType.Int64)
            .Initializer("two", TensorData.Of([2L], [])).Initializer("five", TensorData.Of([5L], []))
            .Node("Greater", "n two", "many");
        var then = model.Inner().Node("Greater", "n five", "most");
        then.Node("If", "most", "picked", Both(then.Inner().Node("Neg", "x", "a1").ToGraph("a1"), then.Inner().Node("Abs", "x", "a2").ToGraph("a2")));
        model.Node("If", "many", "y", Both(then.ToGraph("picked"), model.Inner().Node("Exp", "x", "a3").ToGraph("a3")));
        foreach (var n in (long[])[1, 3, 7])
            Check(model, new() { ["x"] = X, ["n"] = TensorData.Of([n], []) }, "y", $"n={n}");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(5)]
    public void A_Loop_with_a_bound_trip_count_is_written_out_with_carried_values_captures_and_scan_outputs(int trips)
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Input("n", ElementType.Int64)
            .Initializer("w", OnnxRuntime.Normal([4, 4], seed: 2)).Initializer("yes", TensorData.Of([true], []))
            .Node("Tanh", "x", "outer");
        var body = model.Inner().Input("i", ElementType.Int64).Input("go", ElementType.Bool).Input("state", ElementType.Float, 3, 4)
            .Node("MatMul", "state w", "mixed").Node("Add", "mixed outer", "next").Node("Cast", "i", "number", Attributes.None.With("to", ElementType.Float))
            .Node("Mul", "next number", "seen").Node("Identity", "go", "still");
        body.State("seen", ElementType.Float, 3, 4);
        model.Node("Loop", "n yes x", "last all", Attributes.None.With("body", body.ToGraph("still", "next", "seen")));
        var inputs = new Dictionary<string, TensorData> { ["x"] = X, ["n"] = TensorData.Of([(long)trips], []) };
        Check(model, inputs, "last", $"n={trips}");
        var graph = Check(model, inputs, "all", $"n={trips}");
        if (trips > 1)
            CollectionAssert.AreEqual(new[] { "w" }, graph.Parameters.Select(p => p.Name).ToArray(), "one weight is shared by all iterations");
    }

    [TestMethod]
    public void A_Loop_ends_where_its_condition_folds_to_false()
    {
        var model = Doubling(limit: 100);
        var graph = Check(model, new() { ["x"] = X }, "y");
        Assert.AreEqual(7, graph.Nodes.Count(n => n.Op == "Add"), "1 doubled seven times passes 100");
    }

    [TestMethod]
    public void A_Loop_that_never_ends_is_refused_at_the_limit_that_can_be_raised()
    {
        var model = Doubling(limit: -1).ToModel("y");
        var error = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(model, new() { UnrollLimit = 20 }));
        StringAssert.Contains(error.Message, "more than 20 iterations");
        StringAssert.Contains(error.Message, "--unroll");
    }

    [TestMethod]
    public void A_Loop_as_long_as_an_open_shape_is_refused_with_the_shape_to_fix()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, Dimension.Symbolic("length"), 4).Initializer("zero", TensorData.Of([0L], []))
            .Node("Shape", "x", "shape").Node("Gather", "shape zero", "n");
        var body = model.Inner().Input("i", ElementType.Int64).Input("go", ElementType.Bool).Input("state", ElementType.Float, Dimension.Symbolic("length"), 4)
            .Node("Neg", "state", "next").Node("Identity", "go", "still");
        model.Node("Loop", "n _ x", "y", Attributes.None.With("body", body.ToGraph("still", "next")), name: "flip");
        var error = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(model.ToModel("y")));
        StringAssert.Contains(error.Message, "Loop ('flip')");
        StringAssert.Contains(error.Message, "--shape x=DIMS");
        Check(model, new() { ["x"] = X }, "y", shape: ("x", [3, 4]));
    }

    [TestMethod]
    public void An_unsupported_node_in_a_loop_is_named_once()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Initializer("n", TensorData.Of([9L], []));
        var body = model.Inner().Input("i", ElementType.Int64).Input("go", ElementType.Bool).Input("state", ElementType.Float, 3, 4)
            .Node("NoSuchOperator", "state", "next", name: "odd").Node("Identity", "go", "still");
        model.Node("Loop", "n _ x", "y", Attributes.None.With("body", body.ToGraph("still", "next")));
        var error = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(model.ToModel("y")));
        Assert.AreEqual("odd", error.Nodes.Single().Node);
    }

    [TestMethod]
    [DataRow(0, 0, 0, 0)]
    [DataRow(1, 1, 0, 1)]
    [DataRow(-1, 0, -1, 1)]
    [DataRow(1, 0, 1, 0)]
    public void A_Scan_is_written_out_along_any_axis_in_either_direction(int inputAxis, int inputBackwards, int outputAxis, int outputBackwards)
    {
        var size = inputAxis == 0 ? 4 : 3;
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Input("start", ElementType.Float, size).Initializer("half", TensorData.Of([0.5f], []));
        var body = model.Inner().Input("state", ElementType.Float, size).Input("slice", ElementType.Float, size)
            .Node("Mul", "state half", "decayed").Node("Add", "decayed slice", "next").Node("Tanh", "next", "given");
        model.Node("Scan", "start x", "last all", Attributes.None.With("body", body.ToGraph("next", "given")).With("num_scan_inputs", 1)
            .With("scan_input_axes", (long[])[inputAxis]).With("scan_input_directions", (long[])[inputBackwards])
            .With("scan_output_axes", (long[])[outputAxis]).With("scan_output_directions", (long[])[outputBackwards]));
        var inputs = new Dictionary<string, TensorData> { ["x"] = X, ["start"] = OnnxRuntime.Normal([size], seed: 3) };
        Check(model, inputs, "last");
        Check(model, inputs, "all");
    }

    [TestMethod]
    public void A_Scan_of_opset_8_runs_for_each_example()
    {
        var model = new RawModel(8).Input("x", ElementType.Float, 2, 3, 4).Input("start", ElementType.Float, 2, 4);
        var body = model.Inner().Input("state", ElementType.Float, 4).Input("slice", ElementType.Float, 4).Node("Add", "state slice", "next").Node("Tanh", "next", "given");
        model.Node("Scan", "_ start x", "last all", Attributes.None.With("body", body.ToGraph("next", "given")).With("num_scan_inputs", 1));
        var inputs = new Dictionary<string, TensorData> { ["x"] = OnnxRuntime.Normal([2, 3, 4], seed: 4), ["start"] = OnnxRuntime.Normal([2, 4], seed: 5) };
        Check(model, inputs, "last");
        Check(model, inputs, "all");
    }

    [TestMethod]
    public void Sequences_with_known_places_vanish()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Input("place", ElementType.Int64)
            .Initializer("two", TensorData.Of([2L], [])).Initializer("minus", TensorData.Of([-1L], [])).Initializer("last", TensorData.Vector(-1))
            .Node("Neg", "x", "n").Node("Exp", "x", "e").Node("SequenceConstruct", "x n", "list").Node("SequenceInsert", "list e place", "longer")
            .Node("SequenceErase", "longer minus", "shorter").Node("SequenceLength", "shorter", "length").Node("Cast", "length", "count", Attributes.None.With("to", ElementType.Float))
            .Node("SequenceAt", "shorter place", "one").Node("ConcatFromSequence", "longer", "joined", Attributes.None.With("axis", -1).With("new_axis", 1))
            .Node("ReduceSum", "joined last", "sum", Attributes.None.With("keepdims", 0)).Node("Mul", "sum count", "scaled").Node("Add", "scaled one", "y");
        foreach (var place in (long[])[0, 1, -1])
            Check(model, new() { ["x"] = X, ["place"] = TensorData.Of([place], []) }, "y", $"place={place}");
    }

    [TestMethod]
    public void A_split_into_a_sequence_and_a_loop_over_it_vanish()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 5, 4).Initializer("step", TensorData.Of([2L], [])).Initializer("yes", TensorData.Of([true], []))
            .Node("SplitToSequence", "x step", "parts", Attributes.None.With("axis", 0)).Node("SequenceLength", "parts", "n")
            .Node("SequenceEmpty", "", "none", Attributes.None.With("dtype", ElementType.Float));
        var body = model.Inner().Input("i", ElementType.Int64).Input("go", ElementType.Bool).Sequence("made", ElementType.Float)
            .Node("SequenceAt", "parts i", "part").Node("ReduceMax", "part", "top", Attributes.None.With("axes", (long[])[0]).With("keepdims", 1))
            .Node("SequenceInsert", "made top", "more").Node("Identity", "go", "still");
        model.Node("Loop", "n yes none", "tops", Attributes.None.With("body", body.ToGraph("still", "more"))).Node("ConcatFromSequence", "tops", "y", Attributes.None.With("axis", 0));
        Check(model, new() { ["x"] = OnnxRuntime.Normal([5, 4], seed: 6) }, "y");
    }

    [TestMethod]
    public void An_optional_value_made_inside_vanishes_and_a_sequence_from_outside_is_refused_by_name()
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Node("Optional", "x", "maybe").Node("OptionalHasElement", "maybe", "has").Node("OptionalGetElement", "maybe", "got");
        model.Node("If", "has", "y", Both(model.Inner().Node("Neg", "got", "a").ToGraph("a"), model.Inner().Node("Abs", "x", "b").ToGraph("b")));
        Check(model, new() { ["x"] = X }, "y");

        var outside = new RawModel(17).Sequence("list", ElementType.Float).Initializer("zero", TensorData.Of([0L], [])).Node("SequenceAt", "list zero", "y", name: "first");
        var error = Assert.ThrowsExactly<UnsupportedModelException>(() => Normalizer.Run(outside.ToModel("y")));
        StringAssert.Contains(error.Message, "a sequence");
        Assert.IsTrue(error.Nodes.Any(n => n.Node == "first"), error.Message);
    }

    private static RawModel Branching(string inside = "Mul")
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Input("rate", ElementType.Int64).Initializer("wide", TensorData.Of([16000L], []))
            .Node("Equal", "rate wide", "is_wide");
        return model.Node("If", "is_wide", "y", Both(
            model.Inner().Initializer("high", OnnxRuntime.Normal([3, 4], seed: 7), isLiteral: true).Node("Mul", "x high", "a").ToGraph("a"),
            model.Inner().Initializer("low", OnnxRuntime.Normal([4], seed: 8), isLiteral: true).Node(inside, "x low", "b").ToGraph("b")), name: "choose");
    }

    // v doubles from 1 until it passes the limit; a limit below 0 it never passes.
    private static RawModel Doubling(long limit)
    {
        var model = new RawModel(17).Input("x", ElementType.Float, 3, 4).Initializer("one", TensorData.Of([1L], []));
        var body = model.Inner().Input("i", ElementType.Int64).Input("go", ElementType.Bool).Input("v", ElementType.Int64).Input("state", ElementType.Float, 3, 4)
            .Initializer("limit", TensorData.Of([limit], [])).Node("Add", "v v", "doubled").Node("Add", "state x", "next");
        body.Node(limit < 0 ? "Greater" : "Less", "doubled limit", "still");
        return model.Node("Loop", "_ _ one x", "grown y", Attributes.None.With("body", body.ToGraph("still", "doubled", "next")));
    }

    private static Attributes Both(Graph then, Graph otherwise) => Attributes.None.With("then_branch", then).With("else_branch", otherwise);

    private static Graph Check(RawModel raw, Dictionary<string, TensorData> inputs, string output, string? bind = null, (string Name, Shape Shape)? shape = null)
    {
        var expected = OnnxRuntime.Run(raw.ToModel(output), inputs)[output];
        var options = new NormalizationOptions { Bindings = bind is null ? [] : [InputBinding.Parse(bind)] };
        if (shape is { } given)
            options = options with { InputShapes = options.InputShapes.Add(given.Name, given.Shape) };
        // What was written is read again, so that files with inner graphs are covered too.
        var model = OnnxPriors.Onnx.OnnxFile.Load(OnnxPriors.Onnx.OnnxFile.ToBytes(raw.ToModel(output)));
        var graph = Normalizer.Run(model, options).Graph;
        // Float32 in another order of operations.
        Assert.IsLessThan(1e-6, OnnxRuntime.RelativeError(OnnxRuntime.Run(OnnxPriors.Onnx.Model.Canonical(graph), inputs)[output], expected), $"{output} {bind}");
        return graph;
    }
}
