using OnnxPriors.Graphs;
using OnnxPriors.Normalization.Upgrades;

namespace OnnxPriors.Normalization.ControlFlow;

/// <summary>
/// Scan (ONNX 9, 11, 16, 19; and 8, which has a batch): runs its body once for each slice of its scanned inputs, in step, carrying states
/// from one to the next and stacking what else it gives. It is written out where the number of slices is known.
/// </summary>
internal static class Scans
{
    public static void Unroll(Node node, InlineScope scope)
    {
        if (scope.Context.Opset < 9)
            UnrollBatched(node, scope);
        else
            UnrollPlain(node, scope);
    }

    private static void UnrollPlain(Node node, InlineScope scope)
    {
        var plan = new Plan(node, node.Inputs.Length, scope.Context);
        Value[] states = [.. Enumerable.Range(0, plan.States).Select(i => scope.Tensor(node, i))];
        Value[] inputs = [.. Enumerable.Range(plan.States, plan.Scanned).Select(i => scope.Tensor(node, i))];
        if (plan.Run(scope, states, inputs, plan.Axes("scan_input_axes", plan.Scanned), plan.Backwards("scan_input_directions", plan.Scanned)) is not var (last, given))
        {
            scope.Placeholders(node);
            return;
        }
        var axes = plan.Axes("scan_output_axes", plan.Given);
        var backwards = plan.Backwards("scan_output_directions", plan.Given);
        for (var o = 0; o < node.Outputs.Length; o++)
            if (node.Outputs[o] is { } output)
                scope.Set(output, new TensorItem(o < plan.States ? last[o] : plan.Stack(scope, given[o - plan.States], axes[o - plan.States], backwards[o - plan.States], o)));
    }

    // Opset 8: the first input holds lengths, and all others have the batch in front of the axis that is scanned.
    private static void UnrollBatched(Node node, InlineScope scope)
    {
        if (node.TryInput(0) is not null)
            throw NodeUpgrade.Refuse("its sequences have lengths of their own", "Export the model for opset 9 or newer");
        var plan = new Plan(node, node.Inputs.Length - 1, scope.Context);
        Value[] all = [.. Enumerable.Range(1, node.Inputs.Length - 1).Select(i => scope.Tensor(node, i))];
        if (all.Select(v => v.Shape is { Rank: > 0 } s ? s[0].Value : null).FirstOrDefault(b => b is not null) is not { } batch)
            throw NodeUpgrade.Refuse("the number of examples it scans for is not known", "Fix the shapes of the inputs with --shape, or export the model for opset 9 or newer");
        var backwards = plan.Backwards("directions", plan.Scanned);
        var results = Enumerable.Range(0, node.Outputs.Length).Select(_ => new List<Value>()).ToArray();
        Value[][] examples = [.. all.Select(v => scope.Slices(v, 0, plan.Limited(batch)).ToArray())];
        for (var example = 0; example < batch; example++)
        {
            Value[] own = [.. examples.Select(e => e[example])];
            if (plan.Run(scope, own[..plan.States], own[plan.States..], [.. Enumerable.Repeat(0L, plan.Scanned)], backwards) is not var (last, given))
            {
                scope.Placeholders(node);
                return;
            }
            for (var o = 0; o < results.Length; o++)
                results[o].Add(o < plan.States ? last[o] : plan.Stack(scope, given[o - plan.States], 0, backwards: false, o));
        }
        for (var o = 0; o < results.Length; o++)
            if (node.Outputs[o] is { } output)
                scope.Set(output, new TensorItem(scope.Stack(results[o], 0, output.Name, node.Name)));
    }

    /// <summary>What a Scan node asks for.</summary>
    private sealed class Plan
    {
        private readonly Node node;
        private readonly Graph body;
        private readonly UnrollBudget budget;
        private readonly int limit;

        public Plan(Node node, int inputs, NormalizationContext context)
        {
            this.node = node;
            body = InlineScope.Body(node, "body", inputs);
            budget = new UnrollBudget(context);
            limit = context.Options.UnrollLimit;
            var scanned = node.Attributes.Int("num_scan_inputs");
            if (scanned < 1 || scanned > inputs)
                throw new GraphException($"{node.Title} scans {scanned} of its {inputs} inputs.");
            Scanned = (int)scanned;
            States = inputs - Scanned;
            Given = body.Outputs.Length - States;
            if (Given < 0 || node.Outputs.Length > body.Outputs.Length)
                throw new GraphException($"The body of {node.Title} has {body.Outputs.Length} outputs for {States} states and {node.Outputs.Length} outputs of the node.");
        }

        /// <summary>The inputs that are scanned.</summary>
        public int Scanned { get; }

        /// <summary>The states that are carried.</summary>
        public int States { get; }

        /// <summary>What each iteration gives beside the states.</summary>
        public int Given { get; }

        public long[] Axes(string attribute, int count) => Options(attribute, count);

        public bool[] Backwards(string attribute, int count) => Array.ConvertAll(Options(attribute, count), d => d != 0);

        public long Limited(long count) => count <= limit ? count
            : throw NodeUpgrade.Refuse($"it runs for {count} iterations, more than {limit}", "Allow more with --unroll, fix a shorter input with --shape, or export the model without the loop");

        /// <summary>Runs the body over all slices; null where a node of it is not supported.</summary>
        public (Value[] Last, List<Value>[] Given)? Run(InlineScope scope, Value[] states, Value[] inputs, long[] axes, bool[] backwards)
        {
            var places = inputs.Select((v, i) => v.Shape?.Axis(axes[i]) ?? throw NodeUpgrade.Refuse($"the number of axes of '{v.Name}', which it scans, is not known", "Fix the shapes of the inputs with --shape")).ToArray();
            var counts = inputs.Select((v, i) => v.Shape![places[i]].Value).OfType<long>().Distinct().ToArray();
            if (counts.Length == 0)
                throw UnfoldedInputs.Refuse("its number of iterations", scope.B.ShapeOf(inputs[0]));
            if (counts.Length > 1)
                throw new GraphException($"{node.Title} scans inputs of different lengths: {string.Join(", ", counts)}.");
            if (counts[0] == 0)
                throw NodeUpgrade.Refuse("there is nothing to scan", "Fix the shapes of the inputs with --shape");
            var count = Limited(counts[0]);
            var slices = inputs.Select((v, i) => scope.Slices(v, places[i], count)).ToArray();
            var given = Enumerable.Range(0, Given).Select(_ => new List<Value>()).ToArray();
            for (var t = 0; t < count; t++)
            {
                budget.Take(body);
                for (var i = 0; i < states.Length; i++)
                    scope.Set(body.Inputs[i], new TensorItem(states[i]));
                for (var i = 0; i < slices.Length; i++)
                    scope.Set(body.Inputs[States + i], new TensorItem(slices[i][backwards[i] ? (int)count - 1 - t : t]));
                if (!scope.Walk(body))
                    return null;
                Value[] results = [.. body.Outputs.Select(o => InlineScope.Tensor(scope.Get(o)))];
                states = results[..States];
                for (var i = 0; i < given.Length; i++)
                    given[i].Add(results[States + i]);
            }
            return (states, given);
        }

        /// <summary>What the iterations gave, along the axis it is to lie on.</summary>
        public Value Stack(InlineScope scope, List<Value> parts, long axis, bool backwards, int output)
        {
            if (backwards)
                parts.Reverse();
            if (axis < 0)
                axis += (parts[0].Shape ?? throw NodeUpgrade.Refuse("the number of axes of what an iteration gives is not known", "Fix the shapes of the inputs with --shape")).Rank + 1;
            return scope.Stack(parts, axis, node.Outputs[output]?.Name ?? "", node.Name);
        }

        private long[] Options(string attribute, int count)
        {
            var values = node.Attributes.Ints(attribute) ?? new long[count];
            return values.Length == count ? values : throw new GraphException($"{node.Title} has {values.Length} numbers in '{attribute}' where it needs {count}.");
        }
    }
}
