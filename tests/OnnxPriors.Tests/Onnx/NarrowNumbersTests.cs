using Google.Protobuf;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using OnnxPriors.Onnx.Protobuf;

namespace OnnxPriors.Tests.Onnx;

[TestClass]
public sealed class NarrowNumbersTests
{
    // The values of the specification's tables: one, the largest, the least above zero, and what is no number.
    [TestMethod]
    [DataRow(ElementType.Float8E4M3FN, 0x38, 1f)]
    [DataRow(ElementType.Float8E4M3FN, 0xFE, -448f)]
    [DataRow(ElementType.Float8E4M3FN, 0x01, 0.001953125f)]
    [DataRow(ElementType.Float8E4M3FN, 0x7F, float.NaN)]
    [DataRow(ElementType.Float8E4M3FNUZ, 0x40, 1f)]
    [DataRow(ElementType.Float8E4M3FNUZ, 0x7F, 240f)]
    [DataRow(ElementType.Float8E4M3FNUZ, 0x80, float.NaN)]
    [DataRow(ElementType.Float8E5M2, 0x3C, 1f)]
    [DataRow(ElementType.Float8E5M2, 0x7B, 57344f)]
    [DataRow(ElementType.Float8E5M2, 0xFC, float.NegativeInfinity)]
    [DataRow(ElementType.Float8E5M2, 0x7D, float.NaN)]
    [DataRow(ElementType.Float8E5M2FNUZ, 0x40, 1f)]
    [DataRow(ElementType.Float8E5M2FNUZ, 0xFF, -57344f)]
    [DataRow(ElementType.Float8E8M0, 127, 1f)]
    [DataRow(ElementType.Float8E8M0, 130, 8f)]
    [DataRow(ElementType.Float8E8M0, 255, float.NaN)]
    public void A_float_of_eight_bits_is_the_number_of_its_table(ElementType type, int code, float expected) =>
        Assert.AreEqual(expected, NarrowNumbers.Read(type, [1], 1, [(byte)code]).ToSingle()[0]);

    [TestMethod]
    public void A_file_packs_numbers_of_fewer_bits_from_the_lowest_on()
    {
        CollectionAssert.AreEqual((long[])[-1, -8, 7], Loaded(ElementType.Int4, 3, 0x8F, 0x07).ToInt64());
        CollectionAssert.AreEqual((long[])[15, 8, 7, 0], Loaded(ElementType.UInt4, 4, 0x8F, 0x07).ToInt64());
        CollectionAssert.AreEqual((long[])[-1, 0, 1, -2, 1], Loaded(ElementType.Int2, 5, 0b10_01_00_11, 0b01).ToInt64());
        CollectionAssert.AreEqual((long[])[3, 0, 1, 2], Loaded(ElementType.UInt2, 4, 0b10_01_00_11).ToInt64());
        CollectionAssert.AreEqual((float[])[0, 0.5f, 1, 1.5f, -2, -3, 4, 6], Loaded(ElementType.Float4E2M1, 8, 0x10, 0x32, 0xDC, 0x76).ToSingle());
    }

    [TestMethod]
    public void A_tensor_that_is_cut_short_is_refused()
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => Loaded(ElementType.Int4, 5, 0x8F, 0x07));
        StringAssert.Contains(error.Message, "needs 3");
    }

    private static TensorData Loaded(ElementType type, long count, params byte[] bytes)
    {
        var tensor = new TensorProto { Name = "w", DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.Add(count);
        return new TensorReader("test", null).Read(tensor, "w");
    }
}
