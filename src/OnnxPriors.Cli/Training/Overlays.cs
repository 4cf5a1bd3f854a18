using System.Globalization;
using OnnxPriors.Data;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Images;
using Batch = OnnxPriors.Runtime.Steps.Batch;

namespace OnnxPriors.Cli.Training;

/// <summary>Writes pictures of a segmentation, as many as asked, while it is measured: each example's picture once more as people see it, and its two masks over it.</summary>
internal sealed class Overlays : IDisposable
{
    private readonly AtomicFolder folder;
    private readonly DatasetView view;
    private readonly IEnumerator<OnnxPriors.Data.Batches.Batch> pictures;
    private readonly long ignore;
    private readonly int most;
    private int written;

    /// <summary>Begins.</summary>
    /// <param name="path">The folder to make.</param>
    /// <param name="view">The examples, in the order they are measured in.</param>
    /// <param name="prepared">How the model is given them.</param>
    /// <param name="masks">The labels.</param>
    /// <param name="most">The most pictures to write; 0: all.</param>
    public Overlays(string path, DatasetView view, Preprocessing prepared, MaskLabels masks, int most)
    {
        (this.view, ignore, this.most) = (view, masks.Ignore, most == 0 ? view.Count : most);
        // The same part of each picture at the same size, in plain colours.
        var plain = prepared with { Channels = ChannelOrder.Rgb, Scale = PixelScale.Byte, Mean = [], Deviation = [] };
        pictures = new BatchStream(view.Take(this.most), new BatchOptions { BatchSize = 1, Preprocessing = plain, Masks = masks, Threads = 1, Ahead = 1 }).Read().GetEnumerator();
        folder = AtomicFolder.Create(path);
    }

    /// <summary>Takes a batch's predictions.</summary>
    public void Take(Batch batch, ReadOnlySpan<int> classes)
    {
        var (height, width) = ((int)batch.Targets.Shape[1], (int)batch.Targets.Shape[2]);
        for (var i = 0; i < batch.Count && written < most && pictures.MoveNext(); i++)
        {
            using var picture = pictures.Current;
            var name = string.Create(CultureInfo.InvariantCulture, $"{written:D4}-{Path.GetFileNameWithoutExtension(view.Source.NameOf(view.Indices[written]))}.png");
            using var file = File.Create(Path.Combine(folder.Path, name));
            OverlayPicture.Write(
                file, picture.Inputs.Span, batch.Labels.Span.Slice(i * height * width, height * width), classes.Slice(i * height * width, height * width), width, ignore);
            written++;
        }
    }

    /// <summary>Makes the folder appear.</summary>
    /// <returns>The pictures in it.</returns>
    public int Commit()
    {
        folder.Commit();
        return written;
    }

    public void Dispose()
    {
        pictures.Dispose();
        folder.Dispose();
    }
}
