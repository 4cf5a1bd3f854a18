using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>Losses over class scores [N, C, …] and labels [N, …].</summary>
internal static class Losses
{
    public static OperatorTable Table { get; } = new()
    {
        { "NegativeLogLikelihoodLoss", c => NegativeLogLikelihood(c, c[0]) },
        { "SoftmaxCrossEntropyLoss", CrossEntropy },
    };

    private static Tensor?[] CrossEntropy(Call call)
    {
        var logProbabilities = call[0].log_softmax(1);
        return [NegativeLogLikelihood(call, logProbabilities), logProbabilities];
    }

    private static Tensor NegativeLogLikelihood(Call call, Tensor logProbabilities)
    {
        var labels = call[1].to(ScalarType.Int64);
        var counts = call.Attributes.Has("ignore_index") ? labels != call.Attributes.Int("ignore_index") : ones_like(labels, ScalarType.Bool);
        labels = where(counts, labels, zeros_like(labels));
        var weights = call.Optional(2) is { } given
            ? given.index_select(0, labels.reshape(-1)).reshape(labels.shape)
            : ones_like(labels, logProbabilities.dtype);
        weights = weights * counts;
        var losses = -logProbabilities.gather(1, labels.unsqueeze(1)).squeeze(1) * weights;
        return call.Attributes.String("reduction", "mean") switch
        {
            "none" => losses,
            "sum" => losses.sum(),
            _ => losses.sum() / weights.sum(),
        };
    }
}
