using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;
using OnnxPriors.Torch;
using OnnxPriors.Torch.Fitting;
using OnnxPriors.Torch.Native;
using OnnxPriors.Torch.Operators;
using TorchSharp;

namespace OnnxPriors.Cli.Demo;

/// <summary>What the fit of the source task's posterior came to.</summary>
/// <param name="OwnAccuracy">The model's accuracy on the source's validation data as it came, 0 … 1.</param>
/// <param name="FittedAccuracy">The same at the fitted mean.</param>
/// <param name="Parameters">The number of fitted weights.</param>
internal sealed record SourceFit(double OwnAccuracy, double FittedAccuracy, long Parameters)
{
    /// <summary>Fits the posterior on the source's training data and writes it.</summary>
    /// <param name="file">The model as read.</param>
    /// <param name="data">The source's data, with training and validation parts.</param>
    /// <param name="preprocessing">How the model wants pictures prepared.</param>
    /// <param name="plan">The fit's hyperparameters.</param>
    /// <param name="path">The prior file to write.</param>
    /// <param name="report">Told of every step.</param>
    /// <param name="cancellation">Ends the fit between two steps.</param>
    /// <exception cref="FitException">The fit diverged.</exception>
    public static SourceFit Run(
        Model file, string data, Preprocessing preprocessing, DemoPlan plan, string path, IProgressReport report, CancellationToken cancellation)
    {
        var imported = ModelImporter.Import(file, new ImportOptions { Form = ImportForm.OwnHead });
        TorchNative.EnsureLoaded();
        // Layers this small gain little from a second thread, and lose a lot to it where other work keeps the cores busy.
        using var oneThread = new TorchThreads(1);
        using var module = new GraphModule(imported.Graph);
        using var source = DataSource.Open(data);
        var training = Batches(DataSplit.Train, shuffle: true);
        var validation = Batches(DataSplit.Validation, shuffle: false);
        var fit = new SwagFit(module, plan.Fit with { Parameters = [.. imported.Trainable.Select(tensor => tensor.Name)] });
        var model = new Classification(module);
        var own = model.Accuracy(validation.Epoch(0), cancellation);
        module.Statistics = BatchStatistics.Batch;
        var posterior = fit.Run(training, file.Sha256, new Progress(report), cancellation);
        module.Statistics = BatchStatistics.Frozen;
        var fitted = model.Accuracy(validation.Epoch(0), cancellation);
        PosteriorFile.Write(path, posterior);
        return new SourceFit(own, fitted, posterior.Parameters.Sum(tensor => tensor.TensorShape.Count));

        StreamBatches Batches(DataSplit split, bool shuffle)
        {
            var options = new BatchOptions { BatchSize = plan.FitBatch, Preprocessing = preprocessing, Shuffle = shuffle, Seed = plan.Fit.Seed };
            return new StreamBatches(new BatchStream(DatasetView.Of(source, split), options), cancellation);
        }
    }

    /// <summary>Sets the number of libtorch's threads for a while.</summary>
    private sealed class TorchThreads : IDisposable
    {
        private readonly int before = torch.get_num_threads();

        public TorchThreads(int count) => torch.set_num_threads(count);

        public void Dispose() => torch.set_num_threads(before);
    }

    private sealed class Progress(IProgressReport report) : IProgress<FitProgress>
    {
        public void Report(FitProgress value) => report.Report(
            value.Step, FormattableString.Invariant($"loss {value.Loss:F4}  {value.Samples} collected"), ProgressText.Rate(value.ExamplesPerSecond, "images"), value.Remaining);
    }
}
