import { csv } from './csv';

test('is read back as it was written', () => {
  expect(
    csv([
      ['day', 'requests'],
      ['2026-11-23', 5],
      ['a "quoted", text', null],
    ]),
  ).toBe('day,requests\r\n2026-11-23,5\r\n"a ""quoted"", text",\r\n');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])('a name such as %j is no formula', (name) => {
  expect(csv([[name]])).toMatch(/^"?'/);
});

test('a negative number stays a number', () => {
  expect(csv([[-1]])).toBe('-1\r\n');
});
