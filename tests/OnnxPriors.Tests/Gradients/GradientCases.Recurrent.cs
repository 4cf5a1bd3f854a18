using OnnxPriors.Graphs;

namespace OnnxPriors.Tests.Gradients;

internal static partial class GradientCases
{
    private const int Time = 4;
    private const int Sequences = 3;
    private const int Features = 2;
    private const int Hidden = 3;

    private static GradientCase Cell(string op, int gates, Attributes attributes, bool bias = true, bool lengths = false, bool h = false, bool c = false, bool peepholes = false, int time = Time)
    {
        var directions = attributes.String("direction") == "bidirectional" ? 2 : 1;
        CaseInput Weight(params long[] shape) => Within(-0.8, 0.8, shape) with { IsWeight = true };
        var inputs = new List<CaseInput?>
        {
            In(time, Sequences, Features), Weight(directions, gates * Hidden, Features), Weight(directions, gates * Hidden, Hidden),
            bias ? Weight(directions, 2 * gates * Hidden) : null,
            lengths ? new([Sequences]) { Fixed = TensorData.Vector([time, 1, time - 1]).ConvertTo(ElementType.Int32) } : null,
            h ? In(directions, Sequences, Hidden) : null,
        };
        if (gates == 4)
            inputs.AddRange([c ? In(directions, Sequences, Hidden) : null, peepholes ? Weight(directions, 3 * Hidden) : null]);
        while (inputs[^1] is null)
            inputs.RemoveAt(inputs.Count - 1);
        var outputs = gates == 4 ? 3 : 2;
        return new(op, attributes.With("hidden_size", Hidden), [.. inputs]) { Type = ElementType.Float, Outputs = outputs, Used = outputs, BatchAxis = 1, WorksDynamically = true };
    }

    private static IEnumerable<GradientCase> Recurrent()
    {
        static string[] Names(int directions, params string[] names) => [.. Enumerable.Repeat(names, directions).SelectMany(n => n)];
        foreach (var (op, gates) in ((string, int)[])[("RNN", 1), ("GRU", 3), ("LSTM", 4)])
        {
            yield return Cell(op, gates, Attributes.None);
            yield return Cell(op, gates, Attributes.None, time: 1, h: true);
            // Only the last states are used, as a classifier of texts does.
            yield return Cell(op, gates, Attributes.None, bias: false) with { First = 1, Used = 1 };
            yield return Cell(op, gates, Attributes.None, bias: false) with { Used = 1 };
            foreach (var direction in (string[])["reverse", "bidirectional"])
            {
                yield return Cell(op, gates, With("direction", direction), h: true, c: true);
                yield return Cell(op, gates, With("direction", direction), lengths: true, h: true, c: true);
            }
            yield return Cell(op, gates, Attributes.None, lengths: true);
            yield return Cell(op, gates, With("clip", 0.9f), h: true) with { IsSmooth = false };
        }
        // Activations in the cell's several places; numbers are drawn off the kinks.
        foreach (var name in (string[])["Relu", "LeakyRelu", "Elu", "Softsign", "Softplus", "Affine", "ScaledTanh", "HardSigmoid", "Sigmoid", "ThresholdedRelu"])
        {
            var attributes = With("activations", Names(1, name)).With("activation_alpha", name switch
            {
                "LeakyRelu" => [0.1f],
                "Elu" => [0.8f],
                "ThresholdedRelu" => [0.2f],
                "Affine" or "ScaledTanh" => [0.7f],
                "HardSigmoid" => new[] { 0.15f },
                _ => null,
            }).With("activation_beta", name switch { "Affine" => [0.1f], "ScaledTanh" => [1.2f], "HardSigmoid" => new[] { 0.45f }, _ => null });
            yield return Cell("RNN", 1, attributes, h: true) with { IsSmooth = name is "Affine" or "ScaledTanh" or "HardSigmoid" or "Sigmoid" or "Softplus" };
        }
        yield return Cell("GRU", 3, With("activations", Names(2, "HardSigmoid", "Softsign")).With("direction", "bidirectional").With("activation_alpha", new[] { 0.15f, 0.12f }).With("activation_beta", new[] { 0.5f, 0.5f })) with { IsSmooth = false };
        yield return Cell("LSTM", 4, With("activations", Names(1, "Sigmoid", "Softsign", "Softsign")), h: true, c: true) with { IsSmooth = false };
        foreach (var direction in (string[])["forward", "reverse", "bidirectional"])
        {
            yield return Cell("GRU", 3, With(("linear_before_reset", 1), ("direction", direction)), h: true);
            yield return Cell("LSTM", 4, With("direction", direction), h: true, c: true, peepholes: true);
        }
        yield return Cell("GRU", 3, With("linear_before_reset", 1), lengths: true, bias: false);
        yield return Cell("LSTM", 4, Attributes.None, lengths: true, c: true, peepholes: true);
        yield return Cell("LSTM", 4, With("input_forget", 1), h: true, c: true);
        yield return Cell("LSTM", 4, With(("input_forget", 1), ("direction", "reverse")), c: true, peepholes: true);
    }
}
