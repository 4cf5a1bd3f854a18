using Microsoft.ML.OnnxRuntime;
using OnnxPriors.Artifacts;
using OnnxPriors.Randomness;

namespace OnnxPriors.Runtime.Steps;

/// <summary>The model that draws around the state, θ + σξ, its noise filled by the host so that a run can be repeated.</summary>
internal sealed class PerturbSession : IDisposable
{
    // A stream of its own: the samplers' noise has the same seed and step.
    private const uint Stream = 0x51;

    private readonly InferenceSession session;
    private readonly OrtIoBinding binding;
    private readonly RunOptions runOptions = new();
    private readonly FlatBuffer scalar = new(StateLayout.Alignment);
    private readonly OrtValue sigma;
    private FlatBuffer? noise;
    private OrtValue? noiseValue;

    public PerturbSession(string folder, StepOptions options)
    {
        var path = Path.Combine(folder, StepFiles.Perturb);
        var (model, _) = NoiseInput.Expose(path);
        session = SessionFactory.Open(model, path, options);
        binding = session.CreateIoBinding();
        sigma = scalar.Tensor(0, []);
        ModelCheck.Names(StepFiles.Perturb, "input", session.InputNames, ["theta", "sigma", NoiseInput.Name]);
        ModelCheck.Names(StepFiles.Perturb, "output", session.OutputNames, ["perturbed"]);
    }

    /// <summary>Draws.</summary>
    public void Run(StateBuffer theta, StateBuffer perturbed, double deviation, ulong seed, long step)
    {
        if (noise is null)
        {
            noise = new FlatBuffer(theta.Memory.Length);
            noiseValue = noise.Tensor();
        }
        Philox.FillNormal(noise.Writable, seed, (ulong)step, Stream);
        scalar.Writable[0] = (float)deviation;
        binding.BindInput("theta", theta.Views.Whole);
        binding.BindInput("sigma", sigma);
        binding.BindInput(NoiseInput.Name, noiseValue);
        binding.BindOutput("perturbed", perturbed.Views.Whole);
        ModelCheck.Run(StepFiles.Perturb, session, runOptions, binding);
    }

    public void Dispose()
    {
        binding.Dispose();
        session.Dispose();
        runOptions.Dispose();
        sigma.Dispose();
        noiseValue?.Dispose();
        noise?.Dispose();
        scalar.Dispose();
    }
}
