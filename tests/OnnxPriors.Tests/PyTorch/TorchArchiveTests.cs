using System.IO.Compression;
using System.Text;
using OnnxPriors.Priors;
using OnnxPriors.PyTorch;
using OnnxPriors.Testing;

namespace OnnxPriors.Tests.PyTorch;

/// <summary>Files that PyTorch wrote (tools/make_torch_fixture.py), and files that nobody should have written.</summary>
[TestClass]
public sealed class TorchArchiveTests
{
    private string folder = null!;

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    private string Place => Path.Combine(folder, "file.pt");

    [TestMethod]
    public void A_state_dictionary_of_PyTorch_is_read_in_its_order()
    {
        using var state = StateDictionary.Open(Fixture("state.pt"));
        Assert.AreSequenceEqual(["conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"], state.Tensors.Select(t => t.Name));
        Assert.AreSequenceEqual(new long[] { 2, 1, 3, 3 }, state.Tensors[0].Shape);
        Assert.AreSequenceEqual(Ramp(18), state.Read("conv.weight"));
        Assert.AreSequenceEqual(new[] { 10, 10.25f }, state.Read("conv.bias"));
        Assert.AreSequenceEqual(new[] { 1f, 1f }, state.Read("bn.running_var"));
    }

    [TestMethod]
    public void In_a_checkpoint_the_state_dictionary_is_found()
    {
        using var state = StateDictionary.Open(Fixture("checkpoint.pt"));
        Assert.AreSequenceEqual(Ramp(18), state.Read("conv.weight"));
    }

    [TestMethod]
    public void Every_kind_of_number_and_view_is_read()
    {
        using var state = StateDictionary.Open(Fixture("kinds.pt"));
        foreach (var name in (string[])["half", "bfloat", "double"])
            Assert.AreSequenceEqual(Ramp(3), state.Read(name), name);
        Assert.AreSequenceEqual(new long[] { 3, 4 }, state.Tensors.Single(t => t.Name == "transposed").Shape);
        Assert.AreSequenceEqual(Enumerable.Range(0, 12).Select(i => (i % 4 * 3 + i / 4) / 4f).ToArray(), state.Read("transposed"));
        Assert.AreSequenceEqual(new[] { 1.5f, 1.75f, 2 }, state.Read("row"));
        Assert.AreSequenceEqual(new[] { 1.5f }, state.Read("scalar"));
        Assert.IsEmpty(state.Read("empty"));
        Assert.AreSequenceEqual(Ramp(2), state.Read("parameter"));
    }

    [TestMethod]
    public void A_single_tensor_is_read()
    {
        using var archive = TorchArchive.Open(Fixture("vector.pt"));
        Assert.AreSequenceEqual(new[] { -1, -0.75f, -0.5f, -0.25f, 0 }, archive.ReadSingles((TorchTensor)archive.Root!));
    }

    [TestMethod]
    public void What_is_written_is_read_again_and_has_the_same_bytes_twice()
    {
        (TensorShape, FillTensor?)[] tensors = [(new("a.b", [2, 3]), Counting), (new("none", [0]), Counting), (new("a.num_batches_tracked", []), null), (new("s", []), Counting)];
        TorchArchiveWriter.WriteDictionary(Place, tensors);
        TorchArchiveWriter.WriteDictionary(Place + "2", tensors);
        Assert.AreSequenceEqual(File.ReadAllBytes(Place), File.ReadAllBytes(Place + "2"));
        using var state = StateDictionary.Open(Place);
        Assert.AreSequenceEqual(["a.b", "none", "s"], state.Tensors.Select(t => t.Name));
        Assert.AreSequenceEqual(new float[] { 0, 1, 2, 3, 4, 5 }, state.Read("a.b"));
    }

    [TestMethod]
    public void Weights_of_safetensors_are_read_too()
    {
        var path = Path.Combine(folder, "w.safetensors");
        using (var writer = SafetensorsWriter.Create(path, new Dictionary<string, string>(), [new TensorShape("w", [2]), new TensorShape("bn.num_batches_tracked", [])]))
        {
            writer.Write([1, 2, 3]);
            writer.Commit();
        }
        using var state = StateDictionary.Open(path);
        Assert.AreSequenceEqual(["w"], state.Tensors.Select(t => t.Name));
        Assert.AreSequenceEqual(new[] { 1f, 2 }, state.Read("w"));
    }

    [TestMethod]
    [DataRow("cos\nsystem\nX\u0004\0\0\0true\u0085R.", "'os.system'")]
    [DataRow("cposix\nsystem\n(X\u0002\0\0\0idtR.", "'posix.system'")]
    [DataRow("c__builtin__\neval\n.", "'__builtin__.eval'")]
    [DataRow("X\u0002\0\0\0osX\u0006\0\0\0system\u0093.", "'os.system'")]
    [DataRow("ctorch\nload\n.", "'torch.load'")]
    [DataRow("(ios\nsystem\n.", "0x69")]
    [DataRow("(S'id'\nios\nsystem\n.", "0x53")]
    [DataRow("P0\n.", "0x50")]
    [DataRow("ccollections\nOrderedDict\nX\u0001\0\0\0xR.", "needs arguments")]
    [DataRow("ccollections\nOrderedDict\nK\u0001\u0085R.", "make no tensor")]
    [DataRow("ctorch._utils\n_rebuild_tensor_v2\n)R.", "make no tensor")]
    [DataRow("K\u0001)R.", "make no tensor")]
    [DataRow("}K\u0001b.", "")]
    [DataRow("K\u0001K\u0002b.", "a dictionary")]
    [DataRow("K\u0001K\u0002.", "2 objects")]
    [DataRow("X\u00ff\u00ff\u00ff\u007fabc.", "a word of 2147483647 bytes")]
    [DataRow("X\u0010\0\0\0abc.", "cut short")]
    [DataRow("h\u0005.", "recalls object 5")]
    [DataRow("t.", "closes what was not opened")]
    [DataRow("}(}K\u0001u.", "neither a word nor a number")]
    [DataRow("}(K\u0001u.", "key without a value")]
    [DataRow("\u008a\u0009\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001.", "whole number of 9 bytes")]
    [DataRow("ccollections\nOrderedDict", "cut short")]
    [DataRow("R.", "not there")]
    [DataRow("", "cut short")]
    public void A_pickle_that_is_no_tensor_is_refused_where_it_is_read(string pickle, string why)
    {
        Archive(Encoding.Latin1.GetBytes("\u0080\u0002" + pickle));
        if (why.Length == 0)
        {
            using var sound = TorchArchive.Open(Place);
            return;
        }
        var error = Assert.ThrowsExactly<TorchFileException>(() => TorchArchive.Open(Place).Dispose());
        Assert.Contains(why, error.Message);
        Assert.Contains(Place, error.Message);
    }

    [TestMethod]
    public void A_pickle_cut_at_any_byte_is_refused()
    {
        var whole = Pickle(new TensorParts());
        for (var length = 0; length < whole.Length; length++)
        {
            Archive(whole[..length]);
            Assert.ThrowsExactly<TorchFileException>(() => TorchArchive.Open(Place).Dispose(), $"{length} bytes");
        }
    }

    [TestMethod]
    public void A_file_cut_at_any_of_its_parts_is_refused()
    {
        Archive(Pickle(new TensorParts()), ("data/0", new byte[24]));
        var whole = File.ReadAllBytes(Place);
        for (var length = 0; length < whole.Length; length += 7)
        {
            File.WriteAllBytes(Place, whole[..length]);
            Assert.ThrowsExactly<TorchFileException>(() => TorchArchive.Open(Place).Dispose(), $"{length} bytes");
        }
    }

    [TestMethod]
    [DataRow(6, 0, "2,3", "4,1", "beyond its storage")]
    [DataRow(6, 1, "2,3", "3,1", "beyond its storage")]
    [DataRow(6, -1, "2,3", "3,1", "the offset -1")]
    [DataRow(6, 0, "2,-3", "3,1", "the shape [2, -3]")]
    [DataRow(6, 0, "2,3", "-3,1", "the strides [-3, 1]")]
    [DataRow(6, 0, "2,3", "3", "the strides [3]")]
    [DataRow(6, 0, "1000000,1000000", "0,0", "beyond its storage")]
    [DataRow(6, 0, "2147483647,2147483647,2147483647", "0,0,0", "larger than any storage")]
    [DataRow(-6, 0, "2,3", "3,1", "a way that this library does not know")]
    public void A_tensor_that_reaches_beyond_its_storage_is_refused(int numel, int offset, string shape, string strides, string why)
    {
        Archive(Pickle(new TensorParts { Count = numel, Offset = offset, Shape = shape, Strides = strides }), ("data/0", new byte[24]));
        Assert.Contains(why, Assert.ThrowsExactly<TorchFileException>(() => TorchArchive.Open(Place).Dispose()).Message);
    }

    [TestMethod]
    public void A_storage_that_declares_more_than_lies_there_is_refused_before_memory_is_taken()
    {
        Archive(Pickle(new TensorParts { Count = 2147483591, Shape = "2147483591", Strides = "1" }), ("data/0", new byte[24]));
        using var archive = TorchArchive.Open(Place);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("too few for 2147483591", Assert.ThrowsExactly<TorchFileException>(() => archive.ReadSingles((TorchTensor)archive.Root!)).Message);
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void A_storage_that_is_not_there_is_named()
    {
        Archive(Pickle(new TensorParts { Key = "7" }), ("data/0", new byte[24]));
        using var archive = TorchArchive.Open(Place);
        Assert.Contains("storage '7'", Assert.ThrowsExactly<TorchFileException>(() => archive.ReadSingles((TorchTensor)archive.Root!)).Message);
    }

    [TestMethod]
    [DataRow("../../etc/passwd")]
    [DataRow("/etc/passwd")]
    [DataRow("archive/data/../../x")]
    [DataRow("archive\\data\\0")]
    public void An_entry_that_leaves_the_archive_is_refused(string name)
    {
        Archive(Pickle(new TensorParts()), ("data/0", new byte[24]));
        using (var zip = ZipFile.Open(Place, ZipArchiveMode.Update))
            zip.CreateEntry(name);
        Assert.Contains("outside the archive", Assert.ThrowsExactly<TorchFileException>(() => TorchArchive.Open(Place).Dispose()).Message);
    }

    [TestMethod]
    public void A_pickle_larger_than_any_description_is_refused()
    {
        Archive(new byte[(64 << 20) + 1], CompressionLevel.Fastest);
        Assert.Contains("at most", Assert.ThrowsExactly<TorchFileException>(() => TorchArchive.Open(Place).Dispose()).Message);
    }

    [TestMethod]
    public void Files_of_other_kinds_are_refused_with_what_to_do()
    {
        Assert.Contains("PyTorch 1.6", Refused(Fixture("old.pt")));
        using (var zip = ZipFile.Open(Place, ZipArchiveMode.Create))
            zip.CreateEntry("other.txt");
        Assert.Contains("no NAME/data.pkl", Refused(Place));
        Assert.Contains("no file", Refused(Place + "x"));
        Assert.Contains("one tensor without a name", Refused(Fixture("vector.pt")));
        Archive(Encoding.Latin1.GetBytes("\u0080\u0002}."));
        Assert.Contains("an empty dictionary", Refused(Place));
        Archive(Encoding.Latin1.GetBytes("\u0080\u0002}X\u0001\0\0\0aK\u0001s."));
        Assert.Contains("'a', which is no tensor", Refused(Place));
        Archive(Pickle(new TensorParts()), ("byteorder", "big"u8.ToArray()), ("data/0", new byte[24]));
        Assert.Contains("little-endian", Refused(Place));

        static string Refused(string path) => Assert.ThrowsExactly<TorchFileException>(() => StateDictionary.Open(path).Dispose()).Message;
    }

    private static string Fixture(string name) => Path.Combine(SharedFiles.Checkout, "tests", "OnnxPriors.Tests", "PyTorch", "Fixtures", name);

    private static float[] Ramp(int count) => [.. Enumerable.Range(0, count).Select(i => i / 4f)];

    private static void Counting(long start, Span<float> values)
    {
        for (var i = 0; i < values.Length; i++)
            values[i] = start + i;
    }

    private void Archive(byte[] pickle, params (string Name, byte[] Bytes)[] entries) => Archive(pickle, CompressionLevel.NoCompression, entries);

    private void Archive(byte[] pickle, CompressionLevel level, params (string Name, byte[] Bytes)[] entries)
    {
        File.Delete(Place);
        using var zip = ZipFile.Open(Place, ZipArchiveMode.Create);
        foreach (var (name, bytes) in entries.Prepend(("data.pkl", pickle)))
        {
            using var stream = zip.CreateEntry("archive/" + name, level).Open();
            stream.Write(bytes);
        }
    }

    /// <summary>A pickle of one tensor, put together by hand.</summary>
    private static byte[] Pickle(TensorParts parts)
    {
        var text = "\u0080\u0002ctorch._utils\n_rebuild_tensor_v2\n(" + $"({Word("storage")}ctorch\nFloatStorage\n{Word(parts.Key)}{Word("cpu")}{Whole(parts.Count)}tQ"
            + Whole(parts.Offset) + Tuple(parts.Shape) + Tuple(parts.Strides) + "\u0089ccollections\nOrderedDict\n)RtR.";
        return Encoding.Latin1.GetBytes(text);

        static string Word(string word) => "X" + Encoding.Latin1.GetString(BitConverter.GetBytes(word.Length)) + word;
        static string Whole(int number) => "J" + Encoding.Latin1.GetString(BitConverter.GetBytes(number));
        static string Tuple(string numbers) => "(" + string.Concat(numbers.Split(',').Select(number => Whole(int.Parse(number, System.Globalization.CultureInfo.InvariantCulture)))) + "t";
    }

    private sealed record TensorParts
    {
        public string Key { get; init; } = "0";

        public int Count { get; init; } = 6;

        public int Offset { get; init; }

        public string Shape { get; init; } = "2,3";

        public string Strides { get; init; } = "3,1";
    }
}
