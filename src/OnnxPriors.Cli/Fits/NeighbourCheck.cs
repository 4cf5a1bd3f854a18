using OnnxPriors.Cli.Datasets;
using OnnxPriors.Cli.Display;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Torch.Fitting;

namespace OnnxPriors.Cli.Fits;

/// <summary>The accuracy of nearest neighbours in a model's features, on labelled data.</summary>
/// <param name="Neighbours">K.</param>
/// <param name="References">The examples whose classes vote.</param>
/// <param name="Queries">The examples whose classes are voted.</param>
internal sealed record NeighbourCheck(int Neighbours, BatchStream References, BatchStream Queries)
{
    private const int MostReferences = 5000, MostQueries = 1000;

    /// <summary>Chooses the examples: of the training part up to 5,000, of the validation part or, without one, the test part up to 1,000, spread evenly.</summary>
    /// <exception cref="DataException">The data has no such parts.</exception>
    public static NeighbourCheck Of(int neighbours, IDataset data, FitSource source, DatasetSplits splits)
    {
        var queries = splits.Validation.Count > 0 ? splits.Validation : splits.Test;
        if (queries.Count == 0)
            throw new DataException($"'{data.Name}' has no validation or test part to look up neighbours for. Give --validation SHARE, or a --neighbour-data that has one.");
        return new(neighbours, source.Measured(Spread(splits.Train, MostReferences)), source.Measured(Spread(queries, MostQueries)));
    }

    /// <summary>Measures.</summary>
    public double Accuracy(SelfSupervision model, string title, Terminal terminal, CancellationToken cancellation) =>
        terminal.Track(title, References.View.Count + Queries.View.Count, "examples", report =>
        {
            var done = 0L;
            var (known, classes) = Features(References);
            var (asked, wanted) = Features(Queries);
            return NearestNeighbours.Accuracy(known, classes, asked, wanted, Neighbours);

            (List<float[]>, List<long>) Features(BatchStream stream)
            {
                var (features, labels) = (new List<float[]>(), new List<long>());
                foreach (var batch in ((ILabelledBatches)new StreamBatches(stream, cancellation)).Epoch(0))
                {
                    features.AddRange(model.FeaturesOf(batch));
                    labels.AddRange(batch.Labels.ToArray());
                    report.Report(done += batch.Labels.Length);
                }
                return (features, labels);
            }
        });

    private static DatasetView Spread(DatasetView view, int most)
    {
        var count = Math.Min(view.Count, most);
        return DatasetView.Of(view.Source, Enumerable.Range(0, count).Select(i => view.Indices[(int)((long)i * view.Count / count)]));
    }
}
