using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>
/// Loop (ONNX 1, 11, 13, 16, 19): <c>for (i = 0; i &lt; M &amp;&amp; condition; i++) (condition, carried, scanned) = body(i, condition, carried)</c>,
/// written out iteration by iteration where M, or each condition, follows from constants. What an iteration gives beside the carried values
/// is stacked along a new first axis.
/// </summary>
internal static class Loops
{
    private const int FirstCarried = 2;

    public static void Unroll(Node node, InlineScope scope)
    {
        var carriedCount = Math.Max(0, node.Inputs.Length - FirstCarried);
        var body = InlineScope.Body(node, "body", carriedCount + 2);
        var scannedCount = body.Outputs.Length - 1 - carriedCount;
        if (scannedCount < 0 || node.Outputs.Length > carriedCount + scannedCount)
            throw new GraphException($"The body of {node.Title} has {body.Outputs.Length} outputs where the node asks for {Math.Max(node.Outputs.Length, carriedCount) + 1}.");
        var budget = new UnrollBudget(scope.Context);
        var trips = scope.TryTensor(node, 0);
        var condition = scope.TryTensor(node, 1);
        var running = condition is null || Truth(condition) is not { } first ? condition is null ? true : (bool?)null : first;
        long? count = trips is null ? long.MaxValue : InlineScope.Number(trips);
        if (count is null && running != false)
            throw UnfoldedInputs.Refuse("its number of iterations", trips!);
        if (count > 0 && running is null)
            throw UnfoldedInputs.Refuse("the condition of its iterations", condition!);

        Item[] carried = [.. Enumerable.Range(0, carriedCount).Select(i => scope.Get(node.Input(FirstCarried + i)))];
        List<Value>[] scanned = [.. Enumerable.Range(0, scannedCount).Select(_ => new List<Value>())];
        for (var i = 0L; i < count && running == true; i++)
        {
            budget.Take(body);
            scope.Set(body.Inputs[0], new TensorItem(scope.B.Constant(TensorData.Of([i], []))));
            scope.Set(body.Inputs[1], new TensorItem(scope.B.Constant(TensorData.Of([true], []))));
            for (var c = 0; c < carriedCount; c++)
                scope.Set(body.Inputs[FirstCarried + c], carried[c]);
            // One iteration that is not supported says all that there is to say.
            if (!scope.Walk(body))
            {
                scope.Placeholders(node);
                return;
            }
            carried = [.. body.Outputs.Skip(1).Take(carriedCount).Select(scope.Get)];
            for (var s = 0; s < scannedCount; s++)
                scanned[s].Add(InlineScope.Tensor(scope.Get(body.Outputs[1 + carriedCount + s])));
            if (i + 1 == count)
                break;
            var next = InlineScope.Tensor(scope.Get(body.Outputs[0]));
            running = Truth(next) ?? throw UnfoldedInputs.Refuse("the condition of its iterations", next);
        }
        for (var o = 0; o < node.Outputs.Length; o++)
            if (node.Outputs[o] is { } output)
                scope.Set(output, o < carriedCount ? carried[o]
                    : new TensorItem(scanned[o - carriedCount] is { Count: > 0 } parts ? scope.Stack(parts, 0, output.Name, node.Name) : None(body.Outputs[1 + o], scope.B)));
    }

    private static bool? Truth(Value value) => InlineScope.Number(value) is { } number ? number != 0 : null;

    // After no iteration at all there are none of what each would have given; extents that the body does not state are 0, as ONNX Runtime has it.
    private static Value None(Value output, GraphBuilder b)
    {
        if (output.Type.Size() == 0 || output.Shape is not { } shape)
            throw NodeUpgrade.Refuse("it ends before its first iteration, and its body does not state what an iteration gives", "Export the model without the loop");
        return b.Constant(new TensorData(output.Type, [0, .. shape.Select(d => d.Value ?? 0)], ReadOnlyMemory<byte>.Empty));
    }
}
