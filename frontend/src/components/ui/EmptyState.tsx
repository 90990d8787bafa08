import type { ReactNode } from 'react';
import styles from './States.module.css';

interface EmptyStateProps {
  readonly title: ReactNode;
  /** What to do about it. */
  readonly children?: ReactNode;
}

export function EmptyState({ title, children }: EmptyStateProps) {
  return (
    <div className={styles.state}>
      <p className={styles.title}>{title}</p>
      {children}
    </div>
  );
}
