using OnnxPriors.Graphs;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Operators that run subgraphs. A subgraph reads values of the graph around it directly.</summary>
internal static class Control
{
    public static OperatorTable Table { get; } = new()
    {
        { "If", c => c.Run(Body(c, c[0].item<bool>() ? "then_branch" : "else_branch"), []) },
        { "Loop", Loop },
        { "Scan", Scan },
    };

    private static Graph Body(Call call, string attribute) =>
        call.Attributes.Subgraph(attribute) ?? throw new GraphException($"{call.Node.Title} lacks its graph '{attribute}'.");

    // body(iteration, condition, states…) → (condition, states…, one element of each scanned output).
    private static Tensor?[] Loop(Call call)
    {
        var body = Body(call, "body");
        long most = call.Has(0) ? call.Integer(0) : long.MaxValue;
        bool goOn = !call.Has(1) || call[1].item<bool>();
        Tensor[] states = [.. Enumerable.Range(2, Math.Max(0, call.Count - 2)).Select(i => call[i])];
        var scanned = Enumerable.Range(0, body.Outputs.Length - 1 - states.Length).Select(_ => new List<Tensor>()).ToArray();
        for (long i = 0; i < most && goOn; i++)
        {
            var results = call.Run(body, [call.Indices(i).reshape(), tensor(true, device: call.Engine.Device), .. states]);
            goOn = results[0].item<bool>();
            states = results[1..(states.Length + 1)];
            for (var s = 0; s < scanned.Length; s++) scanned[s].Add(results[states.Length + 1 + s]);
        }
        return [.. states, .. scanned.Select((elements, s) => elements.Count > 0
            ? stack(elements, 0)
            : zeros([0], call.Engine.TypeOf(body.Outputs[states.Length + 1 + s].Type), call.Engine.Device))];
    }

    // body(states…, one slice of each scanned input) → (states…, one slice of each scanned output).
    private static Tensor?[] Scan(Call call)
    {
        var body = Body(call, "body");
        int inputs = (int)call.Attributes.Int("num_scan_inputs"), states = call.Count - inputs, outputs = body.Outputs.Length - states;
        long[] axesIn = call.Attributes.Ints("scan_input_axes") ?? new long[inputs], axesOut = call.Attributes.Ints("scan_output_axes") ?? new long[outputs];
        long[] backIn = call.Attributes.Ints("scan_input_directions") ?? new long[inputs], backOut = call.Attributes.Ints("scan_output_directions") ?? new long[outputs];
        int[] axes = [.. axesIn.Select((a, i) => call.Axis(a, call[states + i].dim()))];
        long count = call[states].shape[axes[0]];
        Tensor[] state = [.. Enumerable.Range(0, states).Select(i => call[i])];
        var slices = Enumerable.Range(0, outputs).Select(_ => new List<Tensor>()).ToArray();
        for (long t = 0; t < count; t++)
        {
            var elements = Enumerable.Range(0, inputs).Select(i => call[states + i].select(axes[i], backIn[i] == 0 ? t : count - 1 - t));
            var results = call.Run(body, [.. state, .. elements]);
            state = results[..states];
            for (var o = 0; o < outputs; o++) slices[o].Add(results[states + o]);
        }
        return [.. state, .. slices.Select((elements, o) =>
        {
            if (backOut[o] != 0) elements.Reverse();
            return stack(elements, call.Axis(axesOut[o], elements[0].dim() + 1));
        })];
    }
}
