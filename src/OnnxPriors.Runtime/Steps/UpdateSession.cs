using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Onnx;

namespace OnnxPriors.Runtime.Steps;

/// <summary>The update model: flat state, gradient, prior, noise and scalars in; the next state, the prior's energy and the gradient's norm out.</summary>
internal sealed class UpdateSession : IDisposable
{
    private const string PriorEnergy = "prior_energy", GradientNorm = "gradient_norm";

    private readonly Manifest manifest;
    private readonly InferenceSession session;
    private readonly OrtIoBinding binding;
    private readonly RunOptions runOptions = new();
    private readonly Dictionary<string, int> slots = new(StringComparer.Ordinal);
    private readonly FlatBuffer scalars;
    private readonly FlatBuffer? prior;
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
        string[] scalarNames = ["learning_rate", "clip_norm", .. manifest.Prior.IsPresent ? ["prior_weight"] : Array.Empty<string>(), .. manifest.Optimizer.Scalars];
        string[] priorNames = !manifest.Prior.IsPresent ? []
            : manifest.Prior.Rank > 0 ? ["prior_mean", "prior_precision", "prior_factor"] : ["prior_mean", "prior_precision"];
        ModelCheck.Names(StepFiles.Update, "input", session.InputNames,
            ["theta", "gradient", .. scalarNames, .. priorNames, .. manifest.Optimizer.States, .. takesNoise ? [NoiseInput.Name] : Array.Empty<string>()]);
        ModelCheck.Names(StepFiles.Update, "output", session.OutputNames,
            ["theta_next", .. manifest.Optimizer.States.Select(Next), GradientNorm, .. manifest.Prior.IsPresent ? [PriorEnergy] : Array.Empty<string>()]);

        foreach (var name in (string[])[.. scalarNames, GradientNorm, .. session.OutputNames.Contains(PriorEnergy) ? [PriorEnergy] : Array.Empty<string>()])
            slots.Add(name, slots.Count * StateLayout.Alignment);
        scalars = new FlatBuffer(slots.Count * StateLayout.Alignment);
        foreach (var (name, slot) in slots)
            (name is PriorEnergy or GradientNorm ? outputs : fixedInputs).Add((name, scalars.Tensor(slot, [])));
        if (manifest.Prior.IsPresent)
        {
            prior = FlatBuffer.Map(Path.Combine(folder, StepFiles.Prior), length * (2 + manifest.Prior.Rank));
            fixedInputs.Add(("prior_mean", prior.Tensor(0, [length])));
            fixedInputs.Add(("prior_precision", prior.Tensor(length, [length])));
            if (manifest.Prior.Rank > 0)
                fixedInputs.Add(("prior_factor", prior.Tensor(2 * length, [manifest.Prior.Rank, length])));
        }
        if (takesNoise)
        {
            Noise = new FlatBuffer(length);
            fixedInputs.Add((NoiseInput.Name, Noise.Tensor()));
        }
    }

    /// <summary>The noise ξ [P] of the next run, where the optimizer takes any.</summary>
    public FlatBuffer? Noise { get; }

    /// <summary>The mapped prior: μ, a and B; null where there is none.</summary>
    public FlatBuffer? Prior => prior;

    /// <summary>Sets a scalar input, or does nothing where the model does not take it.</summary>
    public void Set(string scalar, double value)
    {
        if (slots.TryGetValue(scalar, out var slot))
            scalars.Writable[slot] = (float)value;
    }

    /// <summary>Computes the next state into the back buffers.</summary>
    public UpdateResult Run(DoubleBuffer parameters, IReadOnlyList<DoubleBuffer> states, StateBuffer gradient)
    {
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
        return new UpdateResult(slots.TryGetValue(PriorEnergy, out var energy) ? scalars.Values[energy] : 0, scalars.Values[slots[GradientNorm]]);
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
        Noise?.Dispose();
    }

    private static string Next(string state) => state + "_next";
}

/// <summary>What an update reports.</summary>
/// <param name="PriorEnergy">½(Σ aδ² − ‖Bᵀδ‖²) at θ before the update, δ = θ − μ; 0 where there is no prior.</param>
/// <param name="GradientNorm">The Euclidean norm of the data gradient before clipping.</param>
public readonly record struct UpdateResult(float PriorEnergy, float GradientNorm);
