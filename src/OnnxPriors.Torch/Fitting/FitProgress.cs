namespace OnnxPriors.Torch.Fitting;

/// <summary>How far a fit is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">The last batch's mean cross-entropy, in nats.</param>
/// <param name="LearningRate">The last step's learning rate.</param>
/// <param name="Samples">Weight vectors collected so far.</param>
/// <param name="ExamplesPerSecond">Throughput since the start.</param>
/// <param name="Remaining">The time left at that throughput.</param>
public sealed record FitProgress(
    int Step, int Steps, double Loss, double LearningRate, int Samples, double ExamplesPerSecond, TimeSpan Remaining);
