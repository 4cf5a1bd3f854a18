using OnnxPriors.Randomness;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace OnnxPriors.Torch.Fitting;

/// <summary>Which loss a self-supervised fit descends on.</summary>
public enum ViewLoss
{
    /// <summary>SimCLR's NT-Xent.</summary>
    SimClr,

    /// <summary>Barlow Twins.</summary>
    BarlowTwins,

    /// <summary>VICReg.</summary>
    VicReg,
}

/// <summary>The hyperparameters of <see cref="SelfSupervision"/>.</summary>
public sealed record SelfSupervisionOptions
{
    /// <summary>The loss.</summary>
    public ViewLoss Loss { get; init; } = ViewLoss.SimClr;

    /// <summary>τ of NT-Xent, above 0.</summary>
    public double Temperature { get; init; } = 0.5;

    /// <summary>λ of Barlow Twins, 0 or more.</summary>
    public double Redundancy { get; init; } = 0.0051;

    /// <summary>D, the width of the projection, at least 1.</summary>
    public int Projection { get; init; } = 128;

    /// <summary>The width of the projection's hidden layer, at least 1; by default that of the features.</summary>
    public int? Hidden { get; init; }

    /// <summary>The seed of the projection's first weights.</summary>
    public ulong Seed { get; init; }

    /// <summary>The objective as files and the command line write it.</summary>
    public string Name => Loss switch { ViewLoss.SimClr => "simclr", ViewLoss.BarlowTwins => "barlow-twins", _ => "vicreg" };

    /// <summary>Refuses values out of their range.</summary>
    /// <exception cref="FitException">One is.</exception>
    public void Validate()
    {
        if (!double.IsFinite(Temperature) || Temperature <= 0)
            throw new FitException(FormattableString.Invariant($"The temperature is {Temperature}; it must be a finite number above 0."));
        if (!double.IsFinite(Redundancy) || Redundancy < 0)
            throw new FitException(FormattableString.Invariant($"The weight of redundancy is {Redundancy}; it must be a finite number, 0 or more."));
        if (Projection < 1 || Hidden < 1)
            throw new FitException("The widths of the projection must be 1 or more.");
    }
}

/// <summary>
/// A self-supervised objective on a feature extractor: the features of two views of each example, averaged over what extents they have
/// behind their channels, go through a projection W₂·max(0, W₁h + b₁) + b₂ [D], on which the loss is taken. The projection trains beside the
/// extractor and is thrown away.
/// </summary>
public sealed class SelfSupervision : IFitObjective, IDisposable
{
    private readonly GraphModule extractor;
    private readonly SelfSupervisionOptions options;
    private readonly List<Parameter> parameters = [];

    /// <summary>Takes a feature extractor.</summary>
    /// <param name="extractor">A model of one input and one output, the features [N, F] or [N, F, …].</param>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="FitException">The model has other inputs or outputs, or an option is out of range.</exception>
    public SelfSupervision(GraphModule extractor, SelfSupervisionOptions options)
    {
        ArgumentNullException.ThrowIfNull(extractor);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (extractor.Graph.Inputs.Length != 1 || extractor.Graph.Outputs.Length != 1)
            throw new FitException($"A self-supervised fit needs a feature extractor of one input and one output; this one has {extractor.Graph.Inputs.Length} and {extractor.Graph.Outputs.Length}.");
        (this.extractor, this.options) = (extractor, options);
    }

    /// <inheritdoc/>
    public string Name => options.Name;

    /// <summary>W₁ [H, F], b₁ [H], W₂ [D, H], b₂ [D]; none before the first batch, which tells F.</summary>
    public IReadOnlyList<Parameter> Parameters => parameters;

    /// <inheritdoc/>
    public Tensor Loss(LabelledBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        long rows = batch.Shape[0];
        if (rows % 2 != 0 || rows < 4)
            throw new FitException($"A self-supervised loss compares the views of at least two examples; a batch has {rows} views. Give a larger --batch.");
        var features = Features(batch);
        if (parameters.Count == 0)
            Begin(features.shape[1], features.dtype);
        var hidden = nn.functional.linear(features, parameters[0], parameters[1]).relu();
        var projected = nn.functional.linear(hidden, parameters[2], parameters[3]);
        var (a, b) = (projected.narrow(0, 0, rows / 2), projected.narrow(0, rows / 2, rows / 2));
        return options.Loss switch
        {
            ViewLoss.SimClr => ViewLosses.NtXent(a, b, options.Temperature),
            ViewLoss.BarlowTwins => ViewLosses.BarlowTwins(a, b, options.Redundancy),
            _ => ViewLosses.VicReg(a, b),
        };
    }

    /// <summary>The features [N, F] of a batch, without gradients, on the host.</summary>
    /// <param name="batch">The batch; one view of each example.</param>
    public float[][] FeaturesOf(LabelledBatch batch)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var features = Features(batch).to(ScalarType.Float32).cpu().contiguous();
        return [.. features.data<float>().ToArray().Chunk((int)features.shape[1])];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var parameter in parameters) parameter.Dispose();
        parameters.Clear();
    }

    private Tensor Features(LabelledBatch batch)
    {
        var x = tensor(batch.Values.ToArray(), [.. batch.Shape], device: extractor.Device);
        var output = extractor.Forward(new Dictionary<string, Tensor> { [extractor.Graph.Inputs[0].Name] = x })[extractor.Graph.Outputs[0].Name];
        if (output.dim() < 2 || output.shape[0] != batch.Shape[0])
            throw new FitException($"The features have the shape [{string.Join(", ", output.shape)}]; they need [{batch.Shape[0]}, F] or [{batch.Shape[0]}, F, …]. Name others with --features VALUE.");
        return output.dim() == 2 ? output : output.flatten(2).mean([2L]);
    }

    /// <summary>Weights as He and others, 'Delving Deep into Rectifiers' (2015): variance 2/fan-in before the rectifier, 1/fan-in after it.</summary>
    private void Begin(long width, ScalarType type)
    {
        long hidden = options.Hidden ?? width;
        Add(0, Math.Sqrt(2.0 / width), hidden, width);
        Add(1, 0, hidden);
        Add(2, Math.Sqrt(1.0 / hidden), options.Projection, hidden);
        Add(3, 0, options.Projection);

        void Add(uint stream, double deviation, params long[] shape)
        {
            var values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
            Philox.FillNormal(values, options.Seed, step: 0, stream);
            for (var i = 0; i < values.Length; i++) values[i] *= (float)deviation;
            using var noGradients = no_grad();
            var parameter = new Parameter(tensor(values, shape, dtype: type, device: extractor.Device), requires_grad: true);
            parameter.DetachFromDisposeScope();
            parameters.Add(parameter);
        }
    }
}
