import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import styles from './Usage.module.css';

export interface ChartPoint {
  readonly day: string;
  readonly label: string;
  readonly value: number;
}

interface UsageChartProps {
  readonly points: readonly ChartPoint[];
  readonly name: string;
  readonly format: (value: number) => string;
  readonly formatAxis: (value: number) => string;
}

/** Bar chart. It is hidden from screen readers, which use the table with the same data. */
export default function UsageChart({ points, name, format, formatAxis }: UsageChartProps) {
  const tick = { fill: 'var(--nx-text-muted)', fontSize: 12 };
  return (
    <div className={styles.chart} aria-hidden="true">
      <ResponsiveContainer width="100%" height="100%">
        <BarChart
          data={[...points]}
          margin={{ top: 8, right: 0, bottom: 0, left: 0 }}
          accessibilityLayer={false}
        >
          <CartesianGrid vertical={false} stroke="var(--nx-border)" />
          <XAxis dataKey="label" tick={tick} tickLine={false} axisLine={false} minTickGap={16} />
          <YAxis tick={tick} tickLine={false} axisLine={false} width="auto" tickFormatter={formatAxis} />
          <Tooltip
            cursor={{ fill: 'var(--nx-surface-sunken)' }}
            contentStyle={{
              background: 'var(--nx-surface)',
              border: '1px solid var(--nx-border)',
              borderRadius: 'var(--nx-radius-m)',
              color: 'var(--nx-text)',
            }}
            itemStyle={{ color: 'var(--nx-text)' }}
            formatter={(value) => [format(Number(value)), name]}
          />
          <Bar
            dataKey="value"
            fill="var(--nx-chart-1)"
            radius={[4, 4, 0, 0]}
            maxBarSize={40}
            isAnimationActive={false}
          />
        </BarChart>
      </ResponsiveContainer>
    </div>
  );
}
