using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using OnnxPriors.Artifacts;
using OnnxPriors.Randomness;

namespace OnnxPriors.Runtime.Steps;

/// <summary>
/// A baked step at work: gradient, update and eval model in ONNX Runtime over one flat state that nothing copies. Parameters and
/// gradients are views into θ [P] and g [P]; θ and the optimizer's states have two buffers each that change places with every update.
/// Not for several threads at once.
/// </summary>
public sealed class StepSession : IDisposable
{
    private readonly GradientSession gradientModel;
    private readonly UpdateSession updateModel;
    private readonly EvalSession evalModel;
    private readonly DoubleBuffer parameters;
    private readonly List<DoubleBuffer> states = [];
    private readonly DoubleBuffer? statistics;
    private readonly StateBuffer gradient;
    private readonly PerturbSession? perturbModel;
    private readonly StateBuffer? perturbed;
    private StateBuffer? part;
    private bool isPerturbed;
    private bool noiseIsZero = true;
    private readonly bool profiles;

    private StepSession(string folder, Manifest manifest, StepOptions options)
    {
        (Folder, Manifest, Layout, BufferLayout) = (folder, manifest, manifest.StateLayout(), manifest.BufferLayout());
        profiles = options.ProfilePrefix is not null;
        using var undo = new Undo();
        parameters = undo.Add(new DoubleBuffer(Layout));
        gradient = undo.Add(new StateBuffer(Layout));
        foreach (var _ in manifest.Optimizer.States)
            states.Add(undo.Add(new DoubleBuffer(Layout)));
        if (BufferLayout.Length > 0)
            statistics = undo.Add(new DoubleBuffer(BufferLayout));
        Reset();
        gradientModel = undo.Add(new GradientSession(folder, manifest, options));
        updateModel = undo.Add(new UpdateSession(folder, manifest, options));
        evalModel = undo.Add(new EvalSession(folder, manifest, options with { ProfilePrefix = null }));
        if (manifest.Prior.Evidence is not null)
        {
            perturbModel = undo.Add(new PerturbSession(folder, options with { ProfilePrefix = null }));
            perturbed = undo.Add(new StateBuffer(Layout));
        }
        undo.Keep();
    }

    /// <summary>Opens a step folder at its initial state.</summary>
    /// <param name="folder">The folder <c>bake</c> wrote.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="ArtifactException">The folder, its manifest or a file in it is missing, changed or of another version.</exception>
    /// <exception cref="StepException">The runtime cannot load the models, or the provider is not there.</exception>
    public static StepSession Open(string folder, StepOptions? options = null)
    {
        options ??= new StepOptions();
        var manifest = ManifestFile.Read(folder);
        SessionFactory.CheckVersions(manifest, folder);
        if (options.VerifyFiles)
            ManifestFile.VerifyFiles(folder, manifest);
        return new StepSession(folder, manifest, options);
    }

    /// <summary>The version of the ONNX Runtime found.</summary>
    public static string RuntimeVersion => SessionFactory.RuntimeVersion;

    /// <summary>Where the step lies.</summary>
    public string Folder { get; }

    /// <summary>What the step is.</summary>
    public Manifest Manifest { get; }

    /// <summary>Where each parameter lies in the flat state.</summary>
    public StateLayout Layout { get; }

    /// <summary>Where each running statistic lies in its buffer; empty where they are frozen.</summary>
    public StateLayout BufferLayout { get; }

    /// <summary>The current parameters θ [P]. Spans of it end with the next update.</summary>
    public Span<float> Parameters => parameters.Front.Memory.Writable;

    /// <summary>The current running statistics; empty where they are frozen.</summary>
    public Span<float> Statistics => statistics is null ? default : statistics.Front.Memory.Writable;

    /// <summary>The gradient g [P] of the mean loss over the effective batch, without the prior.</summary>
    public ReadOnlySpan<float> Gradient => gradient.Memory.Values;

    internal TargetRules Targets => gradientModel.Targets;

    /// <summary>The logits of the last micro-batch, [batch, C] or [batch, C, H, W].</summary>
    public ReadOnlySpan<float> Logits => gradientModel.Logits;

    /// <summary>The eval model.</summary>
    public EvalSession Eval => evalModel;

    /// <summary>A state [P] of the optimizer.</summary>
    /// <param name="index">Its place in the manifest's list.</param>
    public Span<float> OptimizerState(int index) => states[index].Front.Memory.Writable;

    /// <summary>Goes back to the state the folder was baked with.</summary>
    /// <exception cref="StepException">A file of it is no longer there.</exception>
    public void Reset()
    {
        Load(StepFiles.Parameters, Parameters);
        if (statistics is not null)
            Load(StepFiles.Buffers, Statistics);
        var begin = Manifest.Files.Any(file => file.Name == StepFiles.States) ? File.OpenRead(Path.Combine(Folder, StepFiles.States)) : null;
        using (begin)
            foreach (var state in states)
                if (begin is null)
                    state.Front.Memory.Writable.Clear();
                else
                    begin.ReadExactly(MemoryMarshal.AsBytes(state.Front.Memory.Writable));
    }

    /// <summary>Draws the point θ + σξ at which the gradients until the next update are taken; for a step that learns its prior's scale.</summary>
    /// <param name="sigma">σ, 0 or above.</param>
    /// <param name="seed">The noise's key.</param>
    /// <param name="step">The number of the update: another step gives independent noise.</param>
    /// <exception cref="StepException">The step learns no scale, or the runtime fails.</exception>
    public void Perturb(double sigma, ulong seed, long step)
    {
        if (perturbModel is null)
            throw new StepException($"The step in '{Folder}' learns no scale of its prior; bake it with --learn-scale.");
        perturbModel.Run(parameters.Front, perturbed!, sigma, seed, step);
        isPerturbed = true;
    }

    /// <summary>Runs the gradient model on a micro-batch.</summary>
    /// <param name="batch">Examples and labels.</param>
    /// <param name="divisor">The labels in the whole effective batch; where not every label counts, the number or weight of those that do.</param>
    /// <param name="accumulate">Whether to add to the gradient of the micro-batches before, rather than begin anew.</param>
    /// <returns>The micro-batch's share of the effective batch's mean loss.</returns>
    /// <exception cref="StepException">The batch does not fit the model, or the runtime fails.</exception>
    public float AddGradient(Batch batch, double divisor, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(divisor);
        var at = (isPerturbed ? perturbed! : parameters.Front).Views;
        if (!accumulate)
            return gradientModel.Run(batch, divisor, at, gradient.Views, statistics);
        part ??= new StateBuffer(Layout);
        var loss = gradientModel.Run(batch, divisor, at, part.Views, statistics);
        TensorPrimitives.Add(gradient.Memory.Values, part.Memory.Values, gradient.Memory.Writable);
        return loss;
    }

    /// <summary>Multiplies the gradient: where what counts in an effective batch is known only once all of it was read.</summary>
    /// <param name="factor">The factor.</param>
    public void ScaleGradient(double factor) => TensorPrimitives.Multiply(gradient.Memory.Values, (float)factor, gradient.Memory.Writable);

    /// <summary>Runs the update model on the gradient and makes the next state current.</summary>
    /// <param name="scalars">Learning rate and the like.</param>
    /// <returns>The prior's energy and the gradient's norm.</returns>
    /// <exception cref="StepException">The runtime fails.</exception>
    public UpdateResult Update(UpdateScalars scalars)
    {
        ArgumentNullException.ThrowIfNull(scalars);
        updateModel.Set("learning_rate", scalars.LearningRate);
        updateModel.Set("clip_norm", scalars.ClipNorm);
        updateModel.Set("prior_weight", scalars.PriorWeight);
        updateModel.Set("head_weight", scalars.HeadWeight);
        updateModel.Prepare(scalars);
        updateModel.Set("momentum", scalars.Momentum);
        updateModel.Set("friction", scalars.Friction);
        updateModel.Set("noise_scale", scalars.NoiseScale);
        updateModel.Set("step", Manifest.Optimizer.InitialStep + scalars.Step + 1);
        FillNoise(scalars);
        var result = updateModel.Run(parameters, states, gradient, isPerturbed ? perturbed : null);
        isPerturbed = false;
        parameters.Swap();
        states.ForEach(state => state.Swap());
        return result;
    }

    /// <summary>The logits of a batch at the current state.</summary>
    /// <param name="batch">The examples.</param>
    /// <returns>The logits [batch, C], valid until the next run.</returns>
    /// <exception cref="StepException">The batch does not fit the model, or the runtime fails.</exception>
    public ReadOnlySpan<float> Predict(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return evalModel.Run(batch, parameters.Front.Views, statistics?.Front.Views);
    }

    /// <summary>½δᵀΣ⁻¹δ at the current θ, δ = θ − μ, Σ the baked covariance, summed in float64; 0 where there is no prior.</summary>
    public double PriorEnergy() => PriorEnergies() is var (features, head) ? features + head : 0;

    /// <summary><see cref="PriorEnergy"/> of the features and of the head.</summary>
    public (double Features, double Head) PriorEnergies() => updateModel.Prior?.Energies(Parameters) ?? (0, 0);

    /// <summary>The share of the weights, 0 … 1, on which the plain form's precision a is above a bound.</summary>
    /// <param name="precision">The bound.</param>
    public double PriorShareAbove(double precision) => updateModel.Prior?.ShareAbove(precision) ?? 0;

    /// <summary>Ends profiling, which <see cref="StepOptions.ProfilePrefix"/> began, and reads where the time of all steps so far went.</summary>
    /// <exception cref="StepException">No profile was asked for, or it cannot be read.</exception>
    public StepProfile EndProfiling()
    {
        if (!profiles)
            throw new StepException("The step was opened without a profile.");
        return StepProfile.Read([gradientModel.EndProfiling(), updateModel.EndProfiling()]);
    }

    /// <summary>Ends the sessions and gives all memory back.</summary>
    public void Dispose()
    {
        gradientModel.Dispose();
        updateModel.Dispose();
        evalModel.Dispose();
        parameters.Dispose();
        states.ForEach(state => state.Dispose());
        statistics?.Dispose();
        gradient.Dispose();
        part?.Dispose();
        perturbModel?.Dispose();
        perturbed?.Dispose();
    }

    private void FillNoise(UpdateScalars scalars)
    {
        if (updateModel.Noise is not { } noise)
            return;
        if (scalars.NoiseScale != 0)
            Philox.FillNormal(noise.Writable, scalars.Seed, (ulong)scalars.Step);
        else if (!noiseIsZero)
            noise.Writable.Clear();
        noiseIsZero = scalars.NoiseScale == 0;
    }

    private void Load(string name, Span<float> destination)
    {
        using var file = FlatBuffer.Map(Path.Combine(Folder, name), destination.Length);
        file.Values.CopyTo(destination);
    }

    /// <summary>Disposes what a constructor has made where it does not come to its end.</summary>
    private sealed class Undo : IDisposable
    {
        private readonly Stack<IDisposable> made = new();

        public T Add<T>(T one) where T : IDisposable
        {
            made.Push(one);
            return one;
        }

        public void Keep() => made.Clear();

        public void Dispose()
        {
            while (made.TryPop(out var one))
                one.Dispose();
        }
    }
}

/// <summary>The scalar inputs of one update; those the optimizer does not take are left aside.</summary>
public sealed record UpdateScalars
{
    /// <summary>The learning rate η.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The number of the update, from 0: AdamW's bias correction counts from it, and so does the noise.</summary>
    public required long Step { get; init; }

    /// <summary>The data gradient's largest global norm; 0 or less does not clip.</summary>
    public double ClipNorm { get; init; }

    /// <summary>The prior's weight beside the mean loss; 1/N for N training examples.</summary>
    public double PriorWeight { get; init; }

    /// <summary>The head's prior's weight, where the scale is learned and features and head have weights of their own.</summary>
    public double HeadWeight { get; init; }

    /// <summary>SGD's momentum.</summary>
    public double Momentum { get; init; }

    /// <summary>SGHMC's friction α.</summary>
    public double Friction { get; init; }

    /// <summary>√(T/N) in sampling steps at temperature T, else 0.</summary>
    public double NoiseScale { get; init; }

    /// <summary>The noise's key.</summary>
    public ulong Seed { get; init; }
}
