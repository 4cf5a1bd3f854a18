using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Onnx;

namespace OnnxPriors.Runtime.Steps;

/// <summary>The update model: flat state, gradient, prior, noise and scalars in; the next state, the prior's energy and the gradient's norm out.</summary>
internal sealed class UpdateSession : IDisposable
{
    private const string PriorEnergy = "prior_energy", GradientNorm = "gradient_norm", HeadEnergy = "head_energy", NoiseSlope = "noise_slope";
    private static readonly string[] ScalarOutputs = [GradientNorm, PriorEnergy, HeadEnergy, NoiseSlope];

    private readonly Manifest manifest;
    private readonly InferenceSession session;
    private readonly OrtIoBinding binding;
    private readonly RunOptions runOptions = new();
    private readonly Dictionary<string, int> slots = new(StringComparer.Ordinal);
    private readonly FlatBuffer scalars;
    private readonly FlatPrior? prior;
    private readonly FlatBuffer? inverse;
    private readonly FlatBuffer? head;
    private readonly List<(string Name, OrtValue Value)> fixedInputs = [];
    private readonly List<(string Name, OrtValue Value)> outputs = [];

    public UpdateSession(string folder, Manifest manifest, StepOptions options)
    {
        this.manifest = manifest;
        var path = Path.Combine(folder, StepFiles.Update);
        var (model, takesNoise) = NoiseInput.Expose(path);
        if (options.ProfilePrefix is not null)
            model = OnnxFile.ToBytes(StepPhases.OfUpdate(OnnxFile.Load(model)));
        session = SessionFactory.Open(model, path, options);
        binding = session.CreateIoBinding();
        var length = manifest.StateLength;
        var (learnsScale, hasFactor) = (manifest.Prior.Evidence is not null, manifest.Prior.Rank > 0);
        string[] scalarNames =
        [
            "learning_rate", "clip_norm", .. manifest.Prior.IsPresent ? ["prior_weight"] : Array.Empty<string>(),
            .. learnsScale ? ["head_weight"] : Array.Empty<string>(), .. manifest.Optimizer.Scalars,
        ];
        var diagonal = manifest.Prior.IsProximal ? "prior_variance" : "prior_precision";
        string[] priorNames = !manifest.Prior.IsPresent ? [] :
        [
            "prior_mean", diagonal, .. hasFactor ? ["prior_factor"] : Array.Empty<string>(),
            .. hasFactor && manifest.Prior.IsProximal ? ["prior_inverse"] : Array.Empty<string>(), .. learnsScale ? ["prior_head", "perturbed"] : Array.Empty<string>(),
        ];
        ModelCheck.Names(StepFiles.Update, "input", session.InputNames,
            ["theta", "gradient", .. scalarNames, .. priorNames, .. manifest.Optimizer.States, .. takesNoise ? [NoiseInput.Name] : Array.Empty<string>()]);
        ModelCheck.Names(StepFiles.Update, "output", session.OutputNames,
            [
                "theta_next", .. manifest.Optimizer.States.Select(Next), GradientNorm, .. manifest.Prior.IsPresent ? [PriorEnergy] : Array.Empty<string>(),
                .. learnsScale ? [HeadEnergy, NoiseSlope] : Array.Empty<string>(),
            ]);

        foreach (var name in scalarNames.Concat(ScalarOutputs.Where(session.OutputNames.Contains)))
            slots.Add(name, slots.Count * StateLayout.Alignment);
        scalars = new FlatBuffer(slots.Count * StateLayout.Alignment);
        foreach (var (name, slot) in slots)
            (ScalarOutputs.Contains(name) ? outputs : fixedInputs).Add((name, scalars.Tensor(slot, [])));
        if (manifest.Prior.IsPresent)
        {
            prior = new FlatPrior(folder, manifest);
            fixedInputs.Add(("prior_mean", prior.Memory.Tensor(0, [length])));
            fixedInputs.Add((diagonal, prior.Memory.Tensor(length, [length])));
            if (hasFactor)
                fixedInputs.Add(("prior_factor", prior.Memory.Tensor(2 * length, [manifest.Prior.Rank, length])));
            if (hasFactor && manifest.Prior.IsProximal)
            {
                inverse = new FlatBuffer(manifest.Prior.Rank * manifest.Prior.Rank);
                fixedInputs.Add(("prior_inverse", inverse.Tensor(0, [manifest.Prior.Rank, manifest.Prior.Rank])));
            }
            if (learnsScale)
            {
                head = FlatPrior.HeadOf(manifest);
                fixedInputs.Add(("prior_head", head.Tensor()));
            }
        }
        if (takesNoise)
        {
            Noise = new FlatBuffer(length);
            fixedInputs.Add((NoiseInput.Name, Noise.Tensor()));
        }
    }

    /// <summary>The noise ξ [P] of the next run, where the optimizer takes any.</summary>
    public FlatBuffer? Noise { get; }

    /// <summary>The mapped prior; null where there is none.</summary>
    public FlatPrior? Prior => prior;

    /// <summary>Sets a scalar input, or does nothing where the model does not take it.</summary>
    public void Set(string scalar, double value)
    {
        if (slots.TryGetValue(scalar, out var slot))
            scalars.Writable[slot] = (float)value;
    }

    /// <summary>Prepares the proximal map for scalars that may have changed: M⁻¹ at t = learning rate · prior weight, times 1 + momentum with Nesterov's.</summary>
    public void Prepare(UpdateScalars given)
    {
        if (inverse is null)
            return;
        // As the graph has them: in float32.
        var pace = (double)(float)given.LearningRate * (manifest.Optimizer.Nesterov ? 1 + (float)given.Momentum : 1);
        prior!.Inverse(pace * (float)given.PriorWeight, inverse.Writable);
    }

    /// <summary>Computes the next state into the back buffers.</summary>
    public UpdateResult Run(DoubleBuffer parameters, IReadOnlyList<DoubleBuffer> states, StateBuffer gradient, StateBuffer? perturbed)
    {
        if (head is not null)
            binding.BindInput("perturbed", (perturbed ?? parameters.Front).Views.Whole);
        binding.BindInput("theta", parameters.Front.Views.Whole);
        binding.BindInput("gradient", gradient.Views.Whole);
        binding.BindOutput("theta_next", parameters.Back.Views.Whole);
        for (var i = 0; i < states.Count; i++)
        {
            binding.BindInput(manifest.Optimizer.States[i], states[i].Front.Views.Whole);
            binding.BindOutput(Next(manifest.Optimizer.States[i]), states[i].Back.Views.Whole);
        }
        foreach (var (name, value) in fixedInputs)
            binding.BindInput(name, value);
        foreach (var (name, value) in outputs)
            binding.BindOutput(name, value);
        ModelCheck.Run(StepFiles.Update, session, runOptions, binding);
        return new UpdateResult(Output(PriorEnergy), Output(GradientNorm), Output(HeadEnergy), Output(NoiseSlope));
    }

    /// <summary>Ends the profile and gives its file.</summary>
    public string EndProfiling() => session.EndProfiling();

    public void Dispose()
    {
        binding.Dispose();
        session.Dispose();
        runOptions.Dispose();
        foreach (var (_, value) in fixedInputs.Concat(outputs))
            value.Dispose();
        scalars.Dispose();
        prior?.Dispose();
        inverse?.Dispose();
        head?.Dispose();
        Noise?.Dispose();
    }

    private float Output(string name) => slots.TryGetValue(name, out var slot) ? scalars.Values[slot] : 0;

    private static string Next(string state) => state + "_next";
}

/// <summary>What an update reports.</summary>
/// <param name="PriorEnergy">½(Σ aδ² − ‖Bᵀδ‖²) at θ before the update, after it with the proximal step, δ = θ − μ; 0 where there is no prior. Where the scale is learned the features' alone.</param>
/// <param name="GradientNorm">The Euclidean norm of the data gradient before clipping.</param>
/// <param name="HeadEnergy">The head's share of the energy, where the scale is learned.</param>
/// <param name="NoiseSlope">The mean loss's derivative by log σ, where the scale is learned.</param>
public readonly record struct UpdateResult(float PriorEnergy, float GradientNorm, float HeadEnergy = 0, float NoiseSlope = 0);
