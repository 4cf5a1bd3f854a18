using OnnxPriors.Priors;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Training;

/// <summary>Where the learning of a prior's scale is: all that the next step depends on beside the tensors.</summary>
/// <param name="LogDeviation">log σ.</param>
/// <param name="FeatureDistance">δᵀΣ⁻¹δ of the features.</param>
/// <param name="HeadDistance">δᵀΣ⁻¹δ of the head.</param>
internal sealed record ScaleState(double LogDeviation, double FeatureDistance, double HeadDistance);

/// <summary>What training learned of a prior's scale; the last of it stands in a run as <c>scale.json</c>.</summary>
/// <param name="Scale">λ*, what the features' covariance as baked is to be multiplied by.</param>
/// <param name="HeadScale">τ*, what the head's variance as baked is to be multiplied by.</param>
/// <param name="Deviation">σ of the posterior N(θ, σ²I).</param>
/// <param name="Bound">The data-emphasised bound J in nats, with the epoch's mean loss under noise.</param>
public sealed record LearnedScale(double Scale, double HeadScale, double Deviation, double Bound);

/// <summary>
/// Learns λ, the head's τ and σ while θ trains (<see cref="EvidenceBound"/>). Each step draws θ + σξ and takes the gradient there; the prior
/// goes into the update with the weights 1/(Dλ*) and 1/(Dτ*), λ* and τ* the best for θ and σ before the step; and log σ goes down its slope.
/// </summary>
/// <remarks>
/// The paper trains softplus⁻¹(σ) with the weights' own optimizer. Here log σ has a rate of its own: its slope is of order 1 whatever the
/// network, and at the rates that weights want it would not move in a short run.
/// </remarks>
internal sealed class ScaleLearning
{
    // The loss's slope along the noise is an estimate by one draw; more than this would be the estimate's doing.
    private const double LargestStep = 0.5;

    private readonly StepSession session;
    private readonly EvidenceBound bound;
    private readonly TrainingOptions options;

    private ScaleLearning(StepSession session, EvidenceBound bound, TrainingOptions options, ScaleState? state)
    {
        (this.session, this.bound, this.options) = (session, bound, options);
        if (state is null)
        {
            var (features, head) = session.PriorEnergies();
            state = new ScaleState(Math.Log(options.Deviation ?? 0.5 / Math.Sqrt(bound.Count)), 2 * features, 2 * head);
        }
        State = state;
    }

    /// <summary>Where it is.</summary>
    public ScaleState State { get; private set; }

    private double Sigma => Math.Exp(State.LogDeviation);

    private (double Features, double Head) Scales => (
        bound.Features.BestScale(State.FeatureDistance, Sigma), bound.Head.BestScale(State.HeadDistance, Sigma));

    /// <summary>Begins, or goes on from a state; null where the step learns no scale.</summary>
    public static ScaleLearning? Of(StepSession session, TrainingOptions options, ScaleState? state) =>
        session.Manifest.Prior.Evidence is { } evidence ? new ScaleLearning(session, evidence, options, state) : null;

    /// <summary>Draws the point at which the step's gradients are taken.</summary>
    public void Perturb(long step) => session.Perturb(Sigma, options.Seed, step);

    /// <summary>The scalars with the prior's weights as they are now.</summary>
    public UpdateScalars Weigh(UpdateScalars scalars)
    {
        var (features, head) = Scales;
        return scalars with
        {
            PriorWeight = options.PriorWeight / (bound.Count * features),
            HeadWeight = options.PriorWeight / (bound.Count * head),
        };
    }

    /// <summary>Takes what an update reports.</summary>
    /// <param name="update">The report.</param>
    /// <param name="share">The learning rate over the schedule's largest.</param>
    public void Advance(UpdateResult update, double share)
    {
        var slope = bound.SlopeByLogSigma(update.NoiseSlope, Sigma, Scales);
        var change = Math.Clamp(-options.DeviationRate * share * slope, -LargestStep, LargestStep);
        State = new ScaleState(State.LogDeviation + change, Math.Max(0, 2.0 * update.PriorEnergy), Math.Max(0, 2.0 * update.HeadEnergy));
    }

    /// <summary>What is learned so far.</summary>
    /// <param name="meanLoss">The mean loss under noise over the last epoch.</param>
    public LearnedScale Now(double meanLoss)
    {
        var scales = Scales;
        return new LearnedScale(scales.Features, scales.Head, Sigma, bound.Value(meanLoss, (State.FeatureDistance, State.HeadDistance), Sigma, scales));
    }
}
