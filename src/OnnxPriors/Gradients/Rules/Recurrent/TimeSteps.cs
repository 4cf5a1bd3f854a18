using OnnxPriors.Graphs;

namespace OnnxPriors.Gradients.Rules.Recurrent;

/// <summary>
/// A recurrence over time in standard operators: the steps one after the other where their number is known and moderate, else Scan. A step sees an element
/// of each sequence as [1, N, …] in the one form and [N, …] in the other, so it counts axes from the end.
/// </summary>
internal static class TimeSteps
{
    /// <summary>Beyond it a graph of its own for the step is smaller and starts sooner, and costs the runtime little more.</summary>
    public const long MostUnrolled = 64;

    /// <summary>From (builder, elements of the sequences, states, constants) the states after the step, and what the step gives.</summary>
    public delegate (Value[] States, Value[] Outputs) Step(GraphBuilder b, Value[] elements, Value[] states, Value[] constants);

    /// <summary>Runs a recurrence.</summary>
    /// <param name="b">Where nodes are added.</param>
    /// <param name="sequences">What each step reads an element of [T, N, …].</param>
    /// <param name="states">The first states [N, …].</param>
    /// <param name="constants">What every step reads whole.</param>
    /// <param name="backwards">Whether the last step comes first; outputs stand where the step's elements stood.</param>
    /// <param name="step">The step.</param>
    /// <returns>The last states [N, …], and each output of all steps [T, N, …].</returns>
    public static (Value[] Last, Value[] Outputs) Run(GraphBuilder b, Value[] sequences, Value[] states, Value[] constants, bool backwards, Step step) =>
        sequences[0].Shape?[0].Value is { } length and > 0 and <= MostUnrolled
            ? Unrolled(b, sequences, states, constants, backwards, step, (int)length)
            : Scanned(b, sequences, states, constants, backwards, step);

    private static (Value[] Last, Value[] Outputs) Unrolled(GraphBuilder b, Value[] sequences, Value[] states, Value[] constants, bool backwards, Step step, int length)
    {
        var ones = Enumerable.Repeat(1L, length).ToArray();
        Value[][] elements = [.. sequences.Select(s => length == 1 ? [s] : b.Split(s, ones, 0).ToArray())];
        var current = states.Select(s => b.Unsqueeze(s, 0)).ToArray();
        var given = new Value[length][];
        for (var i = 0; i < length; i++)
        {
            var t = backwards ? length - 1 - i : i;
            (current, given[t]) = step(b, [.. elements.Select(e => e[t])], current, constants);
        }
        return ([.. current.Select(s => b.Squeeze(s, 0))], [.. Enumerable.Range(0, given[0].Length).Select(o => b.Concat(given.Select(g => g[o]), 0))]);
    }

    private static (Value[] Last, Value[] Outputs) Scanned(GraphBuilder b, Value[] sequences, Value[] states, Value[] constants, bool backwards, Step step)
    {
        var body = b.Nested("steps");
        Value Inner(string name, Value outer, int skip) => body.Input(name, outer.Type, new([.. outer.Shape!.Skip(skip)]));
        // A step reads constants through states that never change.
        Value[] inner = [.. states.Select((s, i) => Inner($"state{i}", s, 0))];
        Value[] whole = [.. constants.Select((s, i) => Inner($"constant{i}", s, 0))];
        Value[] elements = [.. sequences.Select((s, i) => Inner($"element{i}", s, 1))];
        var (next, outputs) = step(body, elements, inner, whole);
        var graph = body.Build(
        [
            .. next.Select((v, i) => ($"{body.Prefix}state{i}_next", v)), .. whole.Select((v, i) => ($"{body.Prefix}constant{i}_next", v)),
            .. outputs.Select((v, i) => ($"{body.Prefix}output{i}", v)),
        ], "step");
        var direction = backwards ? 1L : 0;
        var all = b.Emit(
            "Scan", [.. states, .. constants, .. sequences],
            Attributes.None.With("body", graph).With("num_scan_inputs", sequences.Length)
                .With("scan_input_directions", Enumerable.Repeat(direction, sequences.Length).ToArray())
                .With("scan_output_directions", Enumerable.Repeat(direction, outputs.Length).ToArray()),
            states.Length + constants.Length + outputs.Length);
        return ([.. all.Take(states.Length)], [.. all.Skip(states.Length + constants.Length)]);
    }
}
