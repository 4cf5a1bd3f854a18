using System.Buffers.Binary;
using System.Text;
using OnnxPriors.Priors;

namespace OnnxPriors.Tests.Priors;

[TestClass]
public sealed class SafetensorsTests
{
    private string _folder = null!;

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("onnxpriors-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string Place => Path.Combine(_folder, "t.safetensors");

    [TestMethod]
    public void A_file_in_any_order_with_other_types_and_padding_is_read()
    {
        Write("""{"b":{"dtype":"F32","shape":[2],"data_offsets":[3,11]},"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"none":{"dtype":"BF16","shape":[0,2],"data_offsets":[11,11]}}   """, 11);
        using var reader = SafetensorsReader.Open(Place);
        Assert.AreEqual("v", reader.Metadata["k"]);
        Assert.AreSequenceEqual(new[] { "a", "b", "none" }, reader.Entries.Select(e => e.Name).ToArray());
        var values = new float[1];
        reader.Read(reader.Find("b")!, 1, values);
        Assert.AreEqual(BitConverter.ToSingle([7, 8, 9, 10]), values[0]);
        Assert.ThrowsExactly<InvalidPriorException>(() => reader.Read(reader.Find("a")!, 0, values));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => reader.Read(reader.Find("b")!, 2, values));
    }

    [TestMethod]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "overlaps")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "belong to no tensor")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "belong to no tensor")]
    [DataRow("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "claims bytes")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "claims bytes")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", "not a whole number")]
    [DataRow("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "has 8 bytes")]
    [DataRow("""{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}}""", "too large")]
    [DataRow("""{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,8]}}""", "has 8 bytes")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}""", "not a whole number")]
    [DataRow("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "not a whole number")]
    [DataRow("""{"a":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}}""", "unknown element type")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2]}}""", "lacks")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", "lacks")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""", "repeated")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""", "unknown")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "stands there twice")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"1","k":"2"}}""", "stands there twice")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":1}}""", "not a string")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} {}""", "not valid JSON")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", "not valid JSON")]
    [DataRow("""[1]""", "not a JSON object")]
    [DataRow("""hello, this is text""", "not valid JSON")]
    public void A_header_that_breaks_the_format_is_refused(string header, string message)
    {
        Write(header, 8);
        var error = Assert.ThrowsExactly<InvalidPriorException>(() => SafetensorsReader.Open(Place));
        Assert.Contains(message, error.Message);
        Assert.Contains(Place, error.Message);
    }

    [TestMethod]
    [DataRow(new byte[0])]
    [DataRow(new byte[] { 2, 0, 0 })]
    [DataRow(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 123, 125 })]
    [DataRow(new byte[] { 255, 255, 255, 255, 255, 255, 255, 127, 123, 125 })]
    [DataRow(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 123, 125 })]
    public void A_header_longer_than_the_file_is_refused_before_memory_is_taken(byte[] bytes)
    {
        File.WriteAllBytes(Place, bytes);
        Assert.ThrowsExactly<InvalidPriorException>(() => SafetensorsReader.Open(Place));
    }

    [TestMethod]
    public void Whatever_byte_is_damaged_or_cut_the_answer_is_a_message()
    {
        PosteriorFile.Write(Place, SyntheticPosterior.Make(2, 1, ("w", [3]), ("v", [2])));
        var whole = File.ReadAllBytes(Place);
        var damaged = 0;
        for (var at = 0; at < whole.Length; at += 3)
        {
            var bytes = whole.ToArray();
            bytes[at] ^= (byte)(1 + at % 255);
            Try(bytes);
            Try(whole[..at]);
        }
        Assert.IsGreaterThan(whole.Length / 3, damaged, "every cut file at least is refused");

        void Try(byte[] bytes)
        {
            File.WriteAllBytes(Place, bytes);
            try
            {
                PosteriorFile.Read(Place);
            }
            catch (InvalidPriorException)
            {
                damaged++;
            }
        }
    }

    [TestMethod]
    public void A_file_not_committed_leaves_what_stood_there()
    {
        File.WriteAllText(Place, "old");
        using (var writer = SafetensorsWriter.Create(Place, new Dictionary<string, string>(), [new TensorShape("a", [2])]))
        {
            writer.Write([1]);
            Assert.ThrowsExactly<InvalidOperationException>(writer.Commit);
            Assert.ThrowsExactly<InvalidOperationException>(() => writer.Write([1, 2]));
        }
        Assert.AreEqual("old", File.ReadAllText(Place));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void A_file_larger_than_the_disk_fails_at_once_and_leaves_nothing()
    {
        Assert.ThrowsExactly<IOException>(() => AtomicFile.Create(Place, 1L << 55));
        Assert.IsEmpty(Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void Names_twice_are_refused_in_writing()
    {
        Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Create(Place, new Dictionary<string, string>(), [new("a", [1]), new("a", [2])]));
        Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Create(Place, new Dictionary<string, string>(), [new("__metadata__", [1])]));
        Assert.IsEmpty(Directory.GetFiles(_folder));
    }

    private void Write(string header, int data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        for (var i = 0; i < data; i++)
            bytes[8 + json.Length + i] = (byte)i;
        File.WriteAllBytes(Place, bytes);
    }
}
