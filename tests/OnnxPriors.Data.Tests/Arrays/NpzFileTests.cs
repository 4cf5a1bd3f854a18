using System.IO.Compression;
using System.Text;
using OnnxPriors.Data.Arrays;

namespace OnnxPriors.Data.Tests.Arrays;

[TestClass]
public sealed class NpzFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Every_element_type_comes_back_as_it_was_written()
    {
        KeyValuePair<string, NpzArray>[] arrays =
        [
            new("bool", NpzArray.Of<bool>([true, false, true], 3)),
            new("int8", NpzArray.Of<sbyte>([-128, 127], 2)),
            new("int16", NpzArray.Of<short>([short.MinValue, 7], 2)),
            new("int32", NpzArray.Of<int>([int.MinValue, 7], 1, 2)),
            new("int64", NpzArray.Of<long>([long.MinValue, long.MaxValue], 2, 1)),
            new("uint8", NpzArray.Of<byte>([0, 255], 2)),
            new("uint16", NpzArray.Of<ushort>([65535], 1)),
            new("uint32", NpzArray.Of<uint>([uint.MaxValue], 1)),
            new("uint64", NpzArray.Of<ulong>([ulong.MaxValue], 1)),
            new("half", NpzArray.Of<Half>([(Half)1.5, Half.NaN], 2)),
            new("single", NpzArray.Of<float>([float.Epsilon, float.NegativeInfinity, 3], 3)),
            new("double", NpzArray.Of<double>([Math.PI], [])),
            new("empty", NpzArray.Of<float>([], 0, 3)),
        ];
        NpzFile.Write(folder["a.npz"], arrays);

        var read = NpzFile.Read(folder["a.npz"]);

        Assert.AreSequenceEqual(arrays.Select(pair => pair.Key).ToArray(), read.Keys.ToArray());
        foreach (var (name, array) in arrays)
        {
            Assert.AreEqual(array.Type, read[name].Type, name);
            Assert.AreSequenceEqual(array.Shape.ToArray(), read[name].Shape.ToArray(), name);
            Assert.AreSequenceEqual(array.Bytes.ToArray(), read[name].Bytes.ToArray(), name);
        }
    }

    [TestMethod]
    public void Equal_arrays_make_equal_files_and_nothing_is_left_beside_them()
    {
        KeyValuePair<string, NpzArray>[] arrays = [new("x", NpzArray.Of<float>([1, 2], 2))];
        NpzFile.Write(folder["a.npz"], arrays);
        NpzFile.Write(folder["b.npz"], arrays);
        NpzFile.Write(folder["b.npz"], arrays);

        Assert.AreSequenceEqual(File.ReadAllBytes(folder["a.npz"]), File.ReadAllBytes(folder["b.npz"]));
        Assert.HasCount(2, Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void A_write_that_fails_leaves_the_old_file_and_nothing_else()
    {
        NpzFile.Write(folder["a.npz"], [new("x", NpzArray.Of<float>([1], 1))]);
        var before = File.ReadAllBytes(folder["a.npz"]);

        Assert.ThrowsExactly<InvalidOperationException>(() => NpzFile.Write(folder["a.npz"], Broken()));

        Assert.AreSequenceEqual(before, File.ReadAllBytes(folder["a.npz"]));
        Assert.HasCount(1, Directory.GetFiles(folder.Path));

        static IEnumerable<KeyValuePair<string, NpzArray>> Broken()
        {
            yield return new("x", NpzArray.Of<float>([2], 1));
            throw new InvalidOperationException();
        }
    }

    [TestMethod]
    public void Column_major_and_big_endian_arrays_are_read_as_row_major()
    {
        // [[1, 2, 3], [4, 5, 6]] as NumPy's asfortranarray(…, '>i2') lays it out.
        byte[] elements = [0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6];
        WriteRaw("a.npz", "x.npy", Npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", elements));

        var array = NpzFile.Read(folder["a.npz"])["x"];

        Assert.AreSequenceEqual(new long[] { 1, 2, 3, 4, 5, 6 }, array.ToInt64s());
        Assert.AreSequenceEqual(new long[] { 2, 3 }, array.Shape.ToArray());
    }

    [TestMethod]
    public void A_column_major_array_of_three_axes_is_read_as_row_major()
    {
        // numpy.arange(24).reshape(2, 3, 4) in column-major order: element (i, j, k) at i + 2 (j + 3 k).
        var elements = new byte[24];
        for (var i = 0; i < 2; i++)
            for (var j = 0; j < 3; j++)
                for (var k = 0; k < 4; k++)
                    elements[i + 2 * (j + 3 * k)] = (byte)((i * 3 + j) * 4 + k);
        WriteRaw("a.npz", "x.npy", Npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", elements));

        Assert.AreSequenceEqual(Enumerable.Range(0, 24).Select(value => (long)value).ToArray(), NpzFile.Read(folder["a.npz"])["x"].ToInt64s());
    }

    [TestMethod]
    public void Halves_convert_to_singles()
    {
        float[] expected = [1.5f, -0.25f];
        Assert.AreSequenceEqual(expected, NpzArray.Of<Half>([(Half)1.5, (Half)(-0.25)], 2).ToSingles());
    }

    [TestMethod]
    public void Numbers_that_are_not_whole_are_no_integers()
    {
        Assert.ThrowsExactly<DataException>(() => NpzArray.Of<float>([1.5f], 1).ToInt64s());
        Assert.ThrowsExactly<DataException>(() => NpzArray.Of<double>([1e300], 1).ToInt64s());
        Assert.ThrowsExactly<DataException>(() => NpzArray.Of<ulong>([ulong.MaxValue], 1).ToInt64s());
    }

    [TestMethod]
    [DataRow("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "type that is not read")]
    [DataRow("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", "type that is not read")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "more bytes than the file can hold")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }", "more bytes than the file can hold")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "shape that cannot be read")]
    [DataRow("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "more bytes than the file can hold")]
    [DataRow("nonsense", "header that cannot be read")]
    public void A_bad_header_is_refused_by_name(string header, string reason)
    {
        WriteRaw("a.npz", "weights.npy", Npy(header, [1, 2, 3, 4]));

        var error = Assert.ThrowsExactly<DataException>(() => NpzFile.Read(folder["a.npz"]));

        Assert.Contains(reason, error.Message);
        Assert.Contains("'weights'", error.Message);
    }

    [TestMethod]
    public void A_file_that_is_cut_short_is_refused()
    {
        NpzFile.Write(folder["a.npz"], [new("x", NpzArray.Of<float>(new float[1000], 1000))]);
        var bytes = File.ReadAllBytes(folder["a.npz"]);
        foreach (var length in new[] { 0, 1, 100, bytes.Length / 2, bytes.Length - 1 })
        {
            File.WriteAllBytes(folder["cut.npz"], bytes[..length]);
            Assert.ThrowsExactly<DataException>(() => NpzFile.Read(folder["cut.npz"]), $"{length} bytes");
        }
        Assert.ThrowsExactly<DataException>(() => NpzFile.Read(folder["absent.npz"]));
    }

    private static byte[] Npy(string header, byte[] elements) =>
        [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.Latin1.GetBytes(header), .. elements];

    private void WriteRaw(string file, string entry, byte[] bytes)
    {
        using var archive = ZipFile.Open(folder[file], ZipArchiveMode.Create);
        using var stream = archive.CreateEntry(entry).Open();
        stream.Write(bytes);
    }
}
