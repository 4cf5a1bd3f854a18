using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>
/// LSTM, GRU and RNN, step by step, with every option of the specification: directions, peepholes, activations, clipping, sequence
/// lengths and both layouts. x [T, N, I], W [D, G·H, I], R [D, G·H, H], B [D, 2·G·H] → Y [T, D, N, H], last states [D, N, H].
/// </summary>
internal static class Recurrent
{
    public static OperatorTable Table { get; } = new()
    {
        { "RNN", c => Run(c, 1, ["Tanh"], RnnStep) },
        { "GRU", c => Run(c, 3, ["Sigmoid", "Tanh"], GruStep) },
        { "LSTM", c => Run(c, 4, ["Sigmoid", "Tanh", "Tanh"], LstmStep) },
    };

    /// <summary>One direction's weights and functions.</summary>
    /// <param name="R">Recurrence weights [G·H, H].</param>
    /// <param name="BiasR">Recurrence bias [G·H], or null.</param>
    /// <param name="P">Peepholes [3·H] for input, output and forget gate, or null.</param>
    /// <param name="Functions">The activations, clipping included.</param>
    /// <param name="Hidden">H.</param>
    /// <param name="Call">The node.</param>
    private sealed record Cell(Tensor R, Tensor? BiasR, Tensor? P, Func<Tensor, Tensor>[] Functions, long Hidden, Call Call);

    private delegate (Tensor H, Tensor C) Step(Cell cell, Tensor input, Tensor h, Tensor c);

    private static Tensor?[] Run(Call call, int gates, string[] functions, Step step)
    {
        var attributes = call.Attributes;
        bool batchFirst = attributes.Flag("layout");
        var x = batchFirst ? call[0].transpose(0, 1) : call[0];
        long hidden = attributes.Int("hidden_size", call[2].shape[^1]), batch = x.shape[1], time = x.shape[0];
        string direction = attributes.String("direction", "forward");
        int directions = direction == "bidirectional" ? 2 : 1;
        var activations = Functions(call, functions, directions);
        var lengths = call.Optional(4)?.to(ScalarType.Int64);
        var (outputs, lastH, lastC) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        for (var d = 0; d < directions; d++)
        {
            bool backward = direction == "reverse" || d == 1;
            var bias = call.Optional(3)?.select(0, d);
            var cell = new Cell(
                call[2].select(0, d), bias?.narrow(0, gates * hidden, gates * hidden), call.Optional(7)?.select(0, d),
                activations[(d * functions.Length)..((d + 1) * functions.Length)], hidden, call);
            var inputs = Products.Multiply(backward ? Reversed(x, lengths) : x, call[1].select(0, d).t());
            if (bias is not null) inputs = inputs + bias.narrow(0, 0, gates * hidden);
            var h = Initial(5, d);
            var c = Initial(6, d);
            var steps = new List<Tensor>();
            for (long t = 0; t < time; t++)
            {
                var (nextH, nextC) = step(cell, inputs.select(0, t), h, c);
                if (lengths is null)
                {
                    (h, c) = (nextH, nextC);
                    steps.Add(h);
                    continue;
                }
                var running = (lengths > t).unsqueeze(1);
                (h, c) = (where(running, nextH, h), where(running, nextC, c));
                steps.Add(where(running, nextH, zeros_like(nextH)));
            }
            var y = stack(steps, 0);
            outputs.Add(backward ? Reversed(y, lengths) : y);
            lastH.Add(h);
            lastC.Add(c);
        }
        var all = stack(outputs, 1);
        var (yh, yc) = (stack(lastH, 0), stack(lastC, 0));
        return batchFirst ? [all.permute(2, 0, 1, 3), yh.transpose(0, 1), yc.transpose(0, 1)] : [all, yh, yc];

        Tensor Initial(int input, int d)
        {
            if (call.Optional(input) is not { } given) return zeros([batch, hidden], x.dtype, x.device);
            return (batchFirst ? given.transpose(0, 1) : given).select(0, d);
        }
    }

    private static Tensor Reversed(Tensor x, Tensor? lengths)
    {
        if (lengths is null) return x.flip(0);
        // Each sequence is turned within its own length.
        var steps = arange(x.shape[0], ScalarType.Int64, x.device).unsqueeze(1);
        var ends = lengths.unsqueeze(0);
        var index = where(steps < ends, ends - 1 - steps, steps);
        return x.gather(0, index.unsqueeze(2).expand(x.shape));
    }

    private static (Tensor, Tensor) RnnStep(Cell cell, Tensor input, Tensor h, Tensor c) =>
        (cell.Functions[0](input + Recurrence(cell, h, 0, 1)), c);

    private static (Tensor, Tensor) GruStep(Cell cell, Tensor input, Tensor h, Tensor c)
    {
        long n = cell.Hidden;
        var (f, g) = (cell.Functions[0], cell.Functions[1]);
        var gates = input.narrow(1, 0, 2 * n) + Recurrence(cell, h, 0, 2);
        var (update, reset) = (f(gates.narrow(1, 0, n)), f(gates.narrow(1, n, n)));
        var recurrence = cell.Call.Attributes.Flag("linear_before_reset")
            ? reset * Recurrence(cell, h, 2, 1)
            : Recurrence(cell, reset * h, 2, 1);
        var candidate = g(input.narrow(1, 2 * n, n) + recurrence);
        return ((1 - update) * candidate + update * h, c);
    }

    private static (Tensor, Tensor) LstmStep(Cell cell, Tensor input, Tensor h, Tensor c)
    {
        long n = cell.Hidden;
        var (f, g, squash) = (cell.Functions[0], cell.Functions[1], cell.Functions[2]);
        var gates = input + Recurrence(cell, h, 0, 4);
        var inputGate = f(Peeped(gates.narrow(1, 0, n), 0, c));
        var forgetGate = cell.Call.Attributes.Flag("input_forget") ? 1 - inputGate : f(Peeped(gates.narrow(1, 2 * n, n), 2, c));
        var next = forgetGate * c + inputGate * g(gates.narrow(1, 3 * n, n));
        var outputGate = f(Peeped(gates.narrow(1, n, n), 1, next));
        return (outputGate * squash(next), next);

        Tensor Peeped(Tensor gate, int which, Tensor state) =>
            cell.P is { } p ? gate + p.narrow(0, which * n, n) * state : gate;
    }

    /// <summary>h [N, H] times some gates' recurrence weights, with their bias.</summary>
    private static Tensor Recurrence(Cell cell, Tensor h, int firstGate, int count)
    {
        var product = Products.Multiply(h, cell.R.narrow(0, firstGate * cell.Hidden, count * cell.Hidden).t());
        return cell.BiasR is { } bias ? product + bias.narrow(0, firstGate * cell.Hidden, count * cell.Hidden) : product;
    }

    private static Func<Tensor, Tensor>[] Functions(Call call, string[] defaults, int directions)
    {
        string[] names = call.Attributes.Strings("activations") ?? [.. Enumerable.Repeat(defaults, directions).SelectMany(n => n)];
        var alphas = new Queue<float>(call.Attributes.Floats("activation_alpha") ?? []);
        var betas = new Queue<float>(call.Attributes.Floats("activation_beta") ?? []);
        double clip = call.Attributes.Float("clip");
        return [.. names.Select(name =>
        {
            var function = Function(name);
            return clip > 0 ? x => function(x.clamp(-clip, clip)) : function;
        })];

        double Alpha(double otherwise) => alphas.TryDequeue(out float value) ? value : otherwise;
        double Beta(double otherwise) => betas.TryDequeue(out float value) ? value : otherwise;

        // Parameters are handed out in the order of the activations that take them.
        Func<Tensor, Tensor> Function(string name)
        {
            double a, b;
            switch (name.ToUpperInvariant())
            {
                case "SIGMOID": return x => x.sigmoid();
                case "TANH": return x => x.tanh();
                case "RELU": return x => x.relu();
                case "SOFTSIGN": return x => x / (1 + x.abs());
                case "SOFTPLUS": return Activations.Softplus;
                case "LEAKYRELU": a = Alpha(0.01f); return x => Activations.LeakyRelu(x, a);
                case "THRESHOLDEDRELU": a = Alpha(1); return x => where(x > a, x, zeros_like(x));
                case "ELU": a = Alpha(1); return x => x.elu(a, 1, 1);
                case "AFFINE": (a, b) = (Alpha(1), Beta(0)); return x => a * x + b;
                case "SCALEDTANH": (a, b) = (Alpha(1), Beta(1)); return x => a * (b * x).tanh();
                case "HARDSIGMOID": (a, b) = (Alpha(0.2f), Beta(0.5f)); return x => Activations.HardSigmoid(x, a, b);
                default: throw call.Unsupported($"the activation '{name}'");
            }
        }
    }
}
