using System.IO.Compression;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Tests.Sources;

[TestClass]
public sealed class ArraySourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("x", "y")]
    [DataRow("images", "labels")]
    [DataRow("features", "labels")]
    public void An_NPZ_file_of_float_features_is_read(string examples, string labels)
    {
        using var data = Npz((examples, NpzArray.Of<float>([1, 2, 3, 4, 5, 6], 3, 2)), (labels, NpzArray.Of<long>([2, 0, 1], 3)));

        Assert.AreEqual(ExampleKind.Features, data.Kind);
        Assert.AreSequenceEqual(new[] { 2, 0, 1 }, data.Labels.ToArray());
        Assert.AreSequenceEqual(new[] { "0", "1", "2" }, data.ClassNames.ToArray());
        float[] expected = [3, 4];
        Assert.AreSequenceEqual(expected, Decoded(data, 1).Values.ToArray());
    }

    [TestMethod]
    [DataRow("grey")]
    [DataRow("last")]
    [DataRow("first")]
    public void Bytes_are_pictures_in_any_usual_order_of_axes(string order)
    {
        // One example of 2 × 5 pixels after one of zeros.
        byte[] second = order switch
        {
            "grey" => [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            "last" => [.. Enumerable.Range(0, 30).Select(i => (byte)i)],
            _ => [.. Enumerable.Range(0, 30).Select(i => (byte)i)],
        };
        long[] shape = order switch { "grey" => [2, 2, 5], "last" => [2, 2, 5, 3], _ => [2, 3, 2, 5] };
        using var data = Npz(("x", NpzArray.Of<byte>([.. new byte[second.Length], .. second], shape)), ("y", NpzArray.Of<int>([0, 0], 2)));

        var example = Decoded(data, 1);

        Assert.AreEqual((ExampleKind.Pixels, 5, 2), (example.Kind, example.Width, example.Height));
        byte[] expected = order switch { "grey" => [8, 8, 8, 255], "last" => [21, 22, 23, 255], _ => [7, 17, 27, 255] };
        Assert.AreSequenceEqual(expected, example.Rgba.Slice(4 * 7, 4).ToArray());
    }

    [TestMethod]
    public void Floats_of_four_axes_are_tensors()
    {
        using var data = Npz(("x", NpzArray.Of<double>(Enumerable.Range(0, 12).Select(i => i / 2.0).ToArray(), 2, 1, 2, 3)), ("y", NpzArray.Of<byte>([1, 0], 2, 1)));

        Assert.AreEqual(ExampleKind.Tensor, data.Kind);
        float[] expected = [3, 3.5f, 4, 4.5f, 5, 5.5f];
        Assert.AreSequenceEqual(expected, Decoded(data, 1).Values.ToArray());
    }

    [TestMethod]
    public void Parts_by_name_are_splits()
    {
        using var data = Npz(
            ("x_test", NpzArray.Of<float>([9, 9], 1, 2)),
            ("x_train", NpzArray.Of<float>([1, 2, 3, 4], 2, 2)),
            ("y_train", NpzArray.Of<long>([0, 1], 2)),
            ("y_test", NpzArray.Of<long>([1], 1)));

        Assert.AreSequenceEqual(new[] { DataSplit.Train, DataSplit.Train, DataSplit.Test }, data.Splits.ToArray());
        Assert.AreEqual(9, Decoded(data, 2).Values[0]);
    }

    [TestMethod]
    public void An_NPZ_file_that_makes_no_data_is_refused()
    {
        var x = NpzArray.Of<float>([1, 2], 2, 1);
        Assert.Contains("needs examples", RefusedNpz(("x", x)));
        Assert.Contains("needs examples", RefusedNpz(("a", x), ("b", x)));
        Assert.Contains("one label for each", RefusedNpz(("x", x), ("y", NpzArray.Of<long>([0], 1))));
        Assert.Contains("label -1", RefusedNpz(("x", x), ("y", NpzArray.Of<long>([0, -1], 2))));
        Assert.Contains("label 9223372036854775807", RefusedNpz(("x", x), ("y", NpzArray.Of<long>([0, long.MaxValue], 2))));
        Assert.Contains("whole numbers", RefusedNpz(("x", x), ("y", NpzArray.Of<float>([0, 0.5f], 2))));
        Assert.Contains("no example", RefusedNpz(("x", NpzArray.Of<float>([], 0, 3)), ("y", NpzArray.Of<long>([], 0))));
        Assert.Contains("both 'x' and 'images'", RefusedNpz(("x", x), ("images", x), ("y", NpzArray.Of<long>([0, 0], 2))));
        Assert.Contains("no array", RefusedNpz());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_pair_of_IDX_files_is_found_from_either_and_from_the_folder(bool zipped)
    {
        var ending = zipped ? ".gz" : "";
        var images = folder.Write("t10k-images-idx3-ubyte" + ending, Packed([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6], zipped));
        var labels = folder.Write("t10k-labels-idx1-ubyte" + ending, Packed([0, 0, 8, 1, 0, 0, 0, 2, 7, 3], zipped));

        foreach (var path in new[] { images, labels, folder.Path })
        {
            using var data = DataSource.Open(path);
            Assert.AreSequenceEqual(new[] { 7, 3 }, data.Labels.ToArray());
            Assert.AreSequenceEqual(new byte[] { 5, 5, 5, 255 }, Decoded(data, 1).Rgba.Slice(4, 4).ToArray());
            Assert.AreEqual(DataSplit.None, data.Splits[0]);
        }
    }

    [TestMethod]
    public void Several_IDX_pairs_of_a_folder_are_parts()
    {
        foreach (var (part, label) in new[] { ("t10k", (byte)1), ("train", (byte)2) })
        {
            folder.Write(part + "-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9]);
            folder.Write(part + "-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, label]);
        }
        using var data = DataSource.Open(folder.Path);
        Assert.AreSequenceEqual(new[] { DataSplit.Train, DataSplit.Test }, data.Splits.ToArray());
        Assert.AreSequenceEqual(new[] { 2, 1 }, data.Labels.ToArray());
    }

    [TestMethod]
    public void Broken_IDX_files_are_refused()
    {
        folder.Write("a-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, 0]);
        Assert.Contains("more than it can hold", Idx([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2]));
        Assert.Contains("more than it can hold", Idx([0, 0, 8, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]));
        Assert.Contains("cut short", Idx([0, 0, 8, 3, 0, 0]));
        Assert.Contains("no IDX file", Idx([0, 0, 10, 3, 0, 0, 0, 1]));
        Assert.Contains("more bytes", Idx([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1]));
        Assert.Contains("one label for each", Idx([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 1]));
        Assert.Contains("a-images-idx3-ubyte", Idx([0x1F, 0x8B, 8, 0, 1, 2, 3]));
        File.Delete(folder["a-labels-idx1-ubyte"]);
        Assert.Contains("beside it", Idx([0, 0, 8, 3]));

        string Idx(byte[] images) => Refused(folder.Write("a-images-idx3-ubyte", images));
    }

    private static byte[] Packed(byte[] bytes, bool zipped)
    {
        if (!zipped)
            return bytes;
        using var memory = new MemoryStream();
        using (var stream = new GZipStream(memory, CompressionMode.Compress))
            stream.Write(bytes);
        return memory.ToArray();
    }

    private static string Refused(string path) => Assert.ThrowsExactly<DataException>(() => DataSource.Open(path)).Message;

    private static Example Decoded(IDataset data, int index)
    {
        var example = new Example();
        data.Decode(index, example);
        return example;
    }

    private IDataset Npz(params (string Name, NpzArray Array)[] arrays)
    {
        NpzFile.Write(folder["d.npz"], arrays.Select(pair => KeyValuePair.Create(pair.Name, pair.Array)));
        return DataSource.Open(folder["d.npz"]);
    }

    private string RefusedNpz(params (string Name, NpzArray Array)[] arrays) => Assert.ThrowsExactly<DataException>(() => Npz(arrays)).Message;
}
